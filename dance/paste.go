package dance

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

const pasteLength = 64 << 10 // bytes of a pasted text that are looked at

func notIt(text string) *Invalid { return &Invalid{Stage: "authorization", Text: text} }

// paste takes what the user copied from the browser. The whole address is held
// to what the listener holds a request to; a bare code, which says nothing of
// the sign-in that it belongs to, is taken only where the row's redirect is
// made for it. What is refused changes nothing.
func (lb *loopback) paste(text string) error {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return notIt("nothing was pasted; copy the address from the browser")
	case len(text) > pasteLength || !utf8.ValidString(text):
		return notIt("that is no address; copy the whole address from the browser")
	}
	if !strings.Contains(text, "://") {
		return lb.pasteCode(text)
	}
	query, err := lb.pastedQuery(text)
	if err != nil {
		return err
	}
	answer, outcome, ok := lb.read(query)
	switch {
	case !ok:
		return notIt("that address belongs to another sign-in, or something of it is missing; copy it again as a whole")
	case isInvalid(answer.err):
		return answer.err
	}
	return lb.settlePasted(answer, outcome)
}

// pastedQuery is the query of an address at which this dance's answer arrives.
func (lb *loopback) pastedQuery(text string) (string, error) {
	base, query, _ := strings.Cut(text, "?")
	query, _, _ = strings.Cut(query, "#")
	u, err := url.Parse(base)
	begins, _, _ := strings.Cut(lb.leads(), "?")
	switch {
	case err != nil || u.User != nil || u.Fragment != "":
		return "", notIt("that is no address; copy the whole address from the browser")
	case base == begins && base != lb.redirect || lb.starts(u.EscapedPath()) && u.Host == lb.host:
		return "", notIt("that is the address where the sign-in begins; copy the one where the browser ends up")
	case base != lb.redirect:
		return "", notIt("that address is not where this provider sends its answer; copy the one where the browser ended up")
	}
	return query, nil
}

func (lb *loopback) pasteCode(code string) error {
	switch {
	case !lb.link.Provider.Redirect.paste():
		return notIt("that is not the whole address; copy it from the browser's address bar, from its beginning")
	case !tokenText(code):
		return notIt("that is no code; copy it once more, without the words around it")
	}
	return lb.settlePasted(callback{code: code}, page{Kind: "done", Provider: lb.link.Provider.Name})
}

// settlePasted is settle for an answer that no browser brought: nobody comes
// for the last page.
func (lb *loopback) settlePasted(c callback, outcome page) error {
	if !lb.settle(c, outcome) {
		return notIt("this sign-in has its answer already")
	}
	lb.mu.Lock()
	defer lb.mu.Unlock()
	if !lb.seen {
		lb.seen = true
		close(lb.shown)
	}
	return nil
}
