package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dancecard/ipc"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.Local)

// stream answers GET /v1/events with one text a connection, and closes it.
func (d *dancecard) stream(texts ...string) {
	var n atomic.Int64
	d.mux.HandleFunc("GET /v1/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		i := int(n.Add(1)) - 1
		if i < len(texts) {
			io.WriteString(w, texts[i])
			return
		}
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
}

func TestEventsConnectAgain(t *testing.T) {
	d := start(t)
	d.answer("GET /v1/accounts", ipc.Details{Accounts: []ipc.AccountDetail{mira()}})
	d.stream(
		sse(ipc.Event{ID: "e.1", Type: "token.refreshed", At: noon, Account: "a1"}),
		sse(ipc.Event{Type: ipc.Resync, At: noon})+
			sse(ipc.Event{ID: "f.1", Type: "grant.used", At: noon, Account: "a9", Data: map[string]string{"app": "my\x1b[2J app", "b": "1"}}))
	dancectl(t, "events", "--count", "3").wants(t, 0, `12:00:00  token.refreshed       demo:mira
12:00:00  resync  some events may be missing: look again with dancectl status
12:00:00  grant.used            a9  app="my app"  b=1
`, "")
}

func TestEventsInJSON(t *testing.T) {
	d := start(t)
	d.stream(sse(ipc.Event{ID: "e.1", Type: "token.refreshed", At: noon, Account: "a1"}) + sse(ipc.Event{ID: "e.2", Type: "profile.locked", At: noon}))
	r := dancectl(t, "events", "--json", "--count", "2")
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	if r.code != 0 || len(lines) != 2 {
		t.Fatalf("exit %d: %q", r.code, r.out)
	}
	var e ipc.Event
	if err := json.Unmarshal([]byte(lines[1]), &e); err != nil || e.ID != "e.2" || e.Type != "profile.locked" || !e.At.Equal(noon) {
		t.Errorf("%v, %+v", err, e)
	}
}

func TestEventsNeedDancecardAtTheStart(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	if r := dancectl(t, "events"); r.code != 3 {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}
