//go:build !linux

package main

// harden does nothing here: core dumps and debuggers are left to the system.
func harden() error { return nil }

// displayed is true: the desktop is part of these systems.
func displayed() bool { return true }
