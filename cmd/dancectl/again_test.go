package main

import (
	"io"
	"strings"
	"testing"

	"dancecard/ipc"
)

func starting(x *ipc.Dance) { x.Stage, x.URL = ipc.DanceStarting, "" }

// A client that the provider knows no more is made anew within the dance: the
// address that was printed leads nowhere then.
func TestConnectPrintsTheAddressOfASecondTry(t *testing.T) {
	d := newDancer(t)
	second := address + "&client_id=other"
	d.follow(t, waiting, starting, func(x *ipc.Dance) { waiting(x); x.URL = second }, cameBack())
	dancectl(t, "connect", "demo", "--print-url", "--yes").wants(t, 0, address+"\n"+second+"\n"+connected, introduced)
}

func unnamed(c *ipc.CameBack) {
	c.Subject, c.Login, c.Name, c.Unnamed = "u0123", "", "", true
}

func TestConnectNamesAnAccountThatItsProviderDoesNot(t *testing.T) {
	for want, args := range map[string][]string{
		`POST /v1/dances/d1/keep {"label":"Demo"}`: {"--yes"},
		`POST /v1/dances/d1/keep {}`:               {"--yes", "--label", "Mine"},
	} {
		d := newDancer(t)
		d.follow(t, waiting, cameBack(unnamed))
		d.answer("GET /v1/accounts/a2", mira())
		r := dancectl(t, append([]string{"connect", "demo", "--print-url"}, args...)...)
		if r.code != 0 || len(d.requests(want)) != 1 || !strings.HasPrefix(r.err, "Demo does not say who came back.\n") {
			t.Errorf("exit %d: %s\nasked %q, not %q", r.code, r.err, d.requests("POST"), want)
		}
	}
}

func TestConnectMovesNoTokensUnasked(t *testing.T) {
	d := newDancer(t)
	d.follow(t, waiting, cameBack(func(c *ipc.CameBack) {
		c.Known, c.Moved = "a1", "Demo now names https://evil.example, where nothing of this account went when it was linked."
	}))
	r := dancectl(t, "connect", "demo", "--print-url", "--yes")
	if r.code != exitDenied || len(d.requests("POST /v1/dances/d1/keep")) != 0 || len(d.requests("DELETE /v1/dances/d1")) != 1 {
		t.Errorf("exit %d: %s\nasked %q", r.code, r.err, d.requests(""))
	}
}

func TestTypedLineWithoutItsEnd(t *testing.T) {
	ctl := &tool{in: strings.NewReader("first\nlast")}
	for _, want := range []string{"first", "last"} {
		if got := <-ctl.typed(); got.text != want || got.err != nil {
			t.Errorf("%+v, want %q", got, want)
		}
		ctl.lines = nil
	}
	if got := <-ctl.typed(); got.err != io.EOF {
		t.Errorf("%+v", got)
	}
}

func TestI36FetchedTextCommandsNoTerminal(t *testing.T) {
	for in, want := range map[string]string{
		"a\x1b[31mb\x00\x7f\r\tc\nd":     "a[31mb\tc\nd",
		"a\u009b31mb\u0090q\u009cc":      "a31mbqc",
		"a\x9b31m":                       "a\ufffd31m",
		"safe\u202egpj.exe\u2066x\u2069": "safegpj.exex",
		"grüße 日本 🎉":                     "grüße 日本 🎉",
	} {
		// A byte at a time: no character hides in two halves.
		got, err := io.ReadAll(printable(oneByOne{strings.NewReader(in)}))
		if err != nil || string(got) != want {
			t.Errorf("%q became %q, want %q (%v)", in, got, want, err)
		}
	}
}

type oneByOne struct{ io.Reader }

func (r oneByOne) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(len(p), 1)]) }

func TestConnectSaysHowToGiveAFoundProviderItsClient(t *testing.T) {
	d := newDancer(t)
	d.follow(t, func(x *ipc.Dance) {
		x.Stage, x.Provider = ipc.DanceFailed, "at-issuer-example"
		x.Failure = problemOf(409, ipc.CodeNeedsRegistration, "issuer.example wants to know this program first.", "Register x, then enter the client id.")
	})
	dancectl(t, "connect", "https://issuer.example").wants(t, exitNeedsUser, "", "dancectl: issuer.example wants to know this program first.\n"+
		"hint: Register x, then enter the client id: dancectl connect at-issuer-example --client-id ID\n")
}
