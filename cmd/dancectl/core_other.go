//go:build !unix

package main

// noCore has nothing to do: no core files are written here.
func noCore() {}
