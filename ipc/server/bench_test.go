//go:build linux

package server

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"dancecard/ipc"
)

// The price of a token that needs no refresh, beside a bare net/http pair that
// answers with nothing.
func BenchmarkToken(b *testing.B) {
	r := newRigFor(b)
	a := r.link()
	c := r.client()
	r.allow(c, a.ID)
	token := func(b *testing.B, fresh bool) {
		for b.Loop() {
			if _, err := c.Token(b.Context(), a.ID, ipc.TokenRequest{}); err != nil {
				b.Fatal(err)
			}
			if fresh {
				c.Close()
			}
		}
	}
	b.Run("kept", func(b *testing.B) { token(b, false) })
	b.Run("new", func(b *testing.B) { token(b, true) })

	path := filepath.Join(runtimeDir(b), "bare")
	l, err := net.Listen("unix", path)
	if err != nil {
		b.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	go s.Serve(l)
	defer s.Close()
	bare := func(b *testing.B, fresh bool) {
		h := &http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", path)
			},
		}}
		for b.Loop() {
			resp, err := h.Post("http://dancecard/", "application/json", nil)
			if err != nil {
				b.Fatal(err)
			}
			resp.Body.Close()
			if fresh {
				h.CloseIdleConnections()
			}
		}
	}
	b.Run("bare kept", func(b *testing.B) { bare(b, false) })
	b.Run("bare new", func(b *testing.B) { bare(b, true) })
}
