package test

import "dancecard/ipc"

// Client asks Dancecard as an app of its own, the test itself.
func (w *World) Client() *ipc.Client { return &ipc.Client{Socket: w.Socket()} }
