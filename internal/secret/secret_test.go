package secret

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const canary = "canary-4711"

type holder struct {
	Name  string
	Token String
	Inner *String
}

func held() holder {
	s := New(canary)
	return holder{Name: "n", Token: s, Inner: &s}
}

func TestP6NothingPrintsASecret(t *testing.T) {
	h := held()
	printed := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p"} {
		printed[verb] = fmt.Sprintf(verb, h)
		printed["pointer "+verb] = fmt.Sprintf(verb, &h)
		printed["bare "+verb] = fmt.Sprintf(verb, h.Token)
	}
	encoded, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	printed["json"] = string(encoded)
	if encoded, err = xml.Marshal(h); err != nil {
		t.Fatal(err)
	}
	printed["xml"] = string(encoded)
	var out bytes.Buffer
	if err := gob.NewEncoder(&out).Encode(h); err != nil {
		t.Fatal(err)
	}
	printed["gob"] = out.String()
	out.Reset()
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "h", h, "token", h.Token)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "h", h, "token", h.Token)
	printed["slog"] = out.String()
	printed["error"] = fmt.Errorf("no: %v, %w", h, errors.New(h.Token.String())).Error()
	for how, text := range printed {
		for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary)} {
			if strings.Contains(text, form) {
				t.Errorf("%s prints it: %s", how, text)
			}
		}
	}
	if !strings.Contains(printed["json"], redacted) || !strings.Contains(printed["slog"], redacted) {
		t.Errorf("json %s, slog %s", printed["json"], printed["slog"])
	}
}

func TestRevealAndEqual(t *testing.T) {
	a, b := New(canary), New(canary)
	if a.Reveal() != canary || !a.Equal(b) || a.Equal(New("other")) || a.Equal(String{}) || a.IsZero() {
		t.Error("a secret does not hold its text")
	}
	if zero := New(""); !zero.IsZero() || zero.Reveal() != "" || zero.String() != "" || zero != (String{}) {
		t.Error("the empty secret is not the zero String")
	}
}

func TestRedactedIsNotReadBack(t *testing.T) {
	h := held()
	encoded, _ := json.Marshal(h)
	var back holder
	if err := json.Unmarshal(encoded, &back); err == nil {
		t.Errorf("read back %s", encoded)
	}
	if err := json.Unmarshal([]byte(`{"Token":"`+canary+`"}`), &back); err != nil || back.Token.Reveal() != canary {
		t.Errorf("a secret from outside is not read: %v", err)
	}
}
