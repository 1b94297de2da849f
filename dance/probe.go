package dance

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// probe asks over the network whether this listener is the one that answers
// at the redirect's address, before anybody is sent there.
func (lb *loopback) probe(ctx context.Context) error {
	_, port, _ := net.SplitHostPort(lb.host)
	for _, l := range lb.listeners {
		ip, _, err := net.SplitHostPort(l.Addr().String())
		if err == nil && lb.answersAt(ctx, net.JoinHostPort(ip, port)) {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &Failed{Stage: "authorization", Text: fmt.Sprintf("another program answers at %s, where the provider's answer would arrive; close it and try again", lb.host)}
	}
	return nil
}

func (lb *loopback) answersAt(ctx context.Context, address string) bool {
	dialer := net.Dialer{Timeout: requestTime}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(requestTime))
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", lb.probePath, lb.host)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	return err == nil && string(body) == lb.cleanPath
}

// probed answers the dance's own question whether this is its listener.
func (lb *loopback) probed(w http.ResponseWriter, _ string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write([]byte(lb.cleanPath))
}
