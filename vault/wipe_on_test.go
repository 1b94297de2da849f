//go:build goexperiment.runtimesecret

package vault

const copiesLeft = 0
