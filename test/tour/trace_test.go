package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOrder(t *testing.T) {
	const (
		before  = `71 write(13, "HTTP/1.1 200 OK\r\nCache-Control: no"..., 300) = 300`
		asked   = `71 write(21, "POST /oauth/token HTTP/1.1\r\nHost: 1"..., 400) = 400`
		synced  = `72 fdatasync(9)                      = 0`
		resumed = `72 <... fdatasync resumed>)             = 0`
		failed  = `72 fdatasync(9)                      = -1 EIO (Input/output error)`
		curl    = `71 write(13, "HTTP/1.1 200 OK\r\nCache-Control: no"..., 900) = 900`
	)
	for _, row := range []struct {
		name  string
		lines []string
		ok    bool
	}{
		{"in order", []string{before, asked, synced, curl}, true},
		{"interleaved", []string{before, asked, resumed, curl, synced}, true},
		{"two accounts", []string{before, asked, synced, asked, synced, curl}, true},
		{"another account is under way", []string{before, asked, asked, synced, curl}, false},
		{"handed out first", []string{before, asked, curl, synced}, false},
		{"synced for something earlier", []string{synced, before, asked, curl}, false},
		{"the disk refused", []string{before, asked, failed, curl}, false},
		{"no refresh", []string{before, synced, curl}, false},
		{"nothing", nil, false},
	} {
		file := filepath.Join(t.TempDir(), "trace")
		if err := os.WriteFile(file, []byte(strings.Join(row.lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := order(file); (err == nil) != row.ok {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}
