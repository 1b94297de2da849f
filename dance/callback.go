package dance

import (
	"crypto/subtle"
	"net/url"
	"slices"
	"strings"
)

// read looks at the state before anything else. Not ok: not an answer to this
// dance.
func (lb *loopback) read(query string) (callback, page, bool) {
	if strings.Count(query, "&") >= queryCount {
		return callback{}, page{}, false
	}
	values, err := url.ParseQuery(query)
	if err != nil || len(values["state"]) != 1 ||
		subtle.ConstantTimeCompare([]byte(values.Get("state")), []byte(lb.state)) != 1 {
		return callback{}, page{}, false
	}
	r := lb.link.Provider.Redirect
	once := append([]string{"code", "iss", "error", "error_description", "oauth_token", "oauth_verifier", r.HostParam}, r.Keep...)
	for name, v := range values {
		if len(v) > 1 && slices.Contains(once, name) {
			return callback{}, page{}, false
		}
	}
	if lb.judge != nil {
		return lb.judge(values)
	}
	return lb.codeAnswer(values)
}

// codeAnswer is RFC 6749 section 4.1.2. An answer with a wrong iss is one, and
// ends the dance (RFC 9207 section 2.4).
func (lb *loopback) codeAnswer(values url.Values) (callback, page, bool) {
	code, problem, iss := values.Get("code"), values.Get("error"), values.Get("iss")
	if (code == "") == (problem == "") || !tokenText(code) {
		return callback{}, page{}, false
	}
	p := lb.link.Provider
	wrong := func(text string) (callback, page, bool) {
		return callback{err: &Invalid{Stage: "authorization", Text: text}}, overPage, true
	}
	_, hostErr := p.Redirect.answeringHost(p, values)
	switch {
	case values.Has("iss") && p.Issuer != "" && !sameIssuer(p, iss):
		return wrong("the answer comes from another provider (iss); nothing was sent to it")
	case problem != "":
		no := refused("authorization", problem, values.Get("error_description"), 0)
		kind := "refused"
		if lb.renewable && forgottenRequest(no) {
			kind = "stale"
		}
		return callback{err: no}, page{Kind: kind, Provider: p.Name, Code: no.Code, Description: no.Description}, true
	case lb.link.IssParam && !values.Has("iss"):
		return wrong("the answer does not say which provider it comes from (iss), though this one always does")
	case hostErr != nil:
		return wrong(hostErr.Error())
	}
	return callback{code: code, values: values}, page{Kind: "done", Provider: p.Name}, true
}
