//go:build !goexperiment.runtimesecret

package vault

// forgetting runs f; this build's runtime has no runtime/secret.
func forgetting(f func()) { f() }
