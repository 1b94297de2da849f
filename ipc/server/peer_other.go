//go:build !linux

package server

import (
	"net"

	"dancecard/accounts"
	"dancecard/ipc"
)

func (i *identifier) identify(*peer) {}

// meet refuses: how a process is identified is known for Linux alone.
func (i *identifier) meet(*net.UnixConn) *peer {
	return &peer{fd: -1, refusal: problem(ipc.CodeUnidentified,
		"Dancecard cannot tell programs apart on this system yet, so it answers nothing.",
		"Use Dancecard on Linux.")}
}

func (i *identifier) current(p *peer) (accounts.App, *ipc.Error) {
	return accounts.App{}, p.refusal
}

func (p *peer) forget() {}
