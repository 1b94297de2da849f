package test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Demo is cmd/demo-provider, the demo provider as a process of its own. What it
// knows outlives it, so that it can stop and return.
type Demo struct {
	Issuer string

	world    *World
	address  string
	lifetime time.Duration
	process  *Process
}

// StartDemo starts the demo provider and puts its provider file in the
// gallery's folder.
func (w *World) StartDemo(ctx context.Context, lifetime time.Duration) (*Demo, error) {
	// The port is chosen once, because the issuer's address must come back with it.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	l.Close()
	d := &Demo{Issuer: "http://" + address, world: w, address: address, lifetime: lifetime}
	return d, d.Start(ctx)
}

func (d *Demo) file(name string) string { return filepath.Join(d.world.Dir, name) }

// Start starts the provider, again or for the first time.
func (d *Demo) Start(ctx context.Context) (err error) {
	d.process, err = d.world.Start("demo-provider", "-addr", d.address, "-access-token-lifetime", d.lifetime.String(),
		"-provider-file", filepath.Join(d.world.Providers(), "demo.toml"),
		"-state", d.file("demo-state"), "-introspection-file", d.file("introspection.json"))
	if err != nil {
		return err
	}
	return Await(ctx, "the demo provider", func() error {
		res, err := d.get(ctx, "/.well-known/openid-configuration", "")
		if err == nil {
			res.Body.Close()
		} else if !d.process.Running() {
			err = errors.New(d.process.Log())
		}
		return err
	})
}

// Stop ends the provider's process; sessions and tokens stay in its file.
func (d *Demo) Stop(ctx context.Context) error {
	if err := d.process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	_, err := d.process.Wait(ctx)
	return err
}

// SetLifetime changes how long the access tokens of the next Start live.
func (d *Demo) SetLifetime(lifetime time.Duration) { d.lifetime = lifetime }

func (d *Demo) get(ctx context.Context, path, token string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, "GET", d.Issuer+path, nil)
	if err != nil {
		return nil, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return http.DefaultClient.Do(r)
}

// UserInfo asks the provider whose access token this is; "" if it refuses it.
func (d *Demo) UserInfo(ctx context.Context, token string) (login string, err error) {
	res, err := d.get(ctx, "/userinfo", token)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden {
		return "", nil
	}
	var who struct {
		Login string `json:"preferred_username"`
		Sub   string `json:"sub"`
	}
	if err := json.NewDecoder(res.Body).Decode(&who); err != nil || who.Sub == "" {
		return "", fmt.Errorf("userinfo answered %s: %w", res.Status, err)
	}
	return who.Login, nil
}

// Introspect asks the provider, as its introspection client, whether a token is
// good for anything (RFC 7662).
func (d *Demo) Introspect(ctx context.Context, token string) (active bool, err error) {
	b, err := os.ReadFile(d.file("introspection.json"))
	if err != nil {
		return false, err
	}
	var client struct {
		Endpoint     string `json:"endpoint"`
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}
	if err := json.Unmarshal(b, &client); err != nil {
		return false, err
	}
	form := strings.NewReader(url.Values{"token": {token}}.Encode())
	r, err := http.NewRequestWithContext(ctx, "POST", client.Endpoint, form)
	if err != nil {
		return false, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(client.ClientID, client.ClientSecret)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	var answer struct{ Active *bool }
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || answer.Active == nil {
		return false, fmt.Errorf("introspection answered %s: %w", res.Status, err)
	}
	return *answer.Active, nil
}
