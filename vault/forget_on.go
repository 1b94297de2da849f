//go:build goexperiment.runtimesecret

package vault

import "runtime/secret"

// forgetting runs f and has the runtime wipe what f leaves in registers, on the
// stack and, once unreachable, on the heap.
func forgetting(f func()) { secret.Do(f) }
