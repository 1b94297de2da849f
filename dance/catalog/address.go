package catalog

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"dancecard/dance"
)

// addresses are all URLs of a provider, by their keys.
func addresses(p *dance.Provider) map[string]*string {
	e := &p.Endpoints
	return map[string]*string{
		"issuer":                                 &p.Issuer,
		"endpoints.authorization":                &e.Authorization,
		"endpoints.token":                        &e.Token,
		"endpoints.userinfo":                     &e.UserInfo,
		"endpoints.revocation":                   &e.Revocation,
		"endpoints.end_session":                  &e.EndSession,
		"endpoints.device_authorization":         &e.DeviceAuthorization,
		"endpoints.pushed_authorization_request": &e.PAR,
		"endpoints.registration":                 &e.Registration,
		"endpoints.jwks":                         &e.JWKS,
		"endpoints.refresh":                      &e.Refresh,
		"endpoints.request_token":                &e.RequestToken,
		"endpoints.device_token":                 &e.DeviceToken,
		"resource":                               &p.Resource,
		"revocation.lookup.url":                  &p.Revocation.Lookup.URL,
		"identity.url":                           &p.Identity.URL,
		"api.base_url":                           &p.API.BaseURL,
		"registration_page":                      &p.RegistrationPage,
		"settings_page":                          &p.SettingsPage,
	}
}

// checkAddresses looks at every URL, with the blank of a self-hosted row
// filled in by its example.
func (r *reader) checkAddresses(p dance.Provider) {
	switch {
	case p.Protocol == "oidc" && p.Issuer == "":
		r.add("protocol", "an OpenID provider needs its issuer", `add a line such as issuer = "https://id.example.com"`)
	case p.Issuer == "" && p.Protocol == "" && p.Endpoints == (dance.Endpoints{}):
		r.add("", "there is no issuer", `add a line such as issuer = "https://id.example.com"`)
	case p.Issuer == "" && (p.Endpoints.Authorization == "" && p.Endpoints.DeviceAuthorization == "" || p.Endpoints.Token == ""):
		r.add("endpoints", "an OAuth provider needs two addresses", "add endpoints.authorization and endpoints.token")
	case p.Issuer == "" && p.Identity.Subject == "" && p.Identity.URL == "" && p.Endpoints.UserInfo == "" && !p.Identity.Unknown:
		r.add("identity", "it is not said where to ask whose account it is", "add identity.url and identity.subject, or identity.unknown = true")
	}
	if !r.checkInstance(p) {
		return
	}
	if p.Instance != nil {
		value := p.Instance.Example
		p = clone(p)
		if err := fill(&p, value); err != nil {
			r.add("instance.example", fmt.Sprintf("the example does not fit: %s", err), "write an example that works")
			return
		}
	}
	for key, address := range addresses(&p) {
		if *address == "" {
			continue
		}
		if err := checkBlanks(key, *address); err != nil {
			r.add(key, fmt.Sprintf("%s cannot be used: %s", key, err), "put the blank into the path or the query")
		}
		if err := checkURL(key, withoutPlaceholders(*address, standIns(key))); err != nil {
			r.add(key, fmt.Sprintf("%s cannot be used: %s", key, err), fixURL(*address))
		}
	}
	r.checkHosts(p.API)
}

func (r *reader) checkHosts(a dance.API) {
	for _, h := range a.Hosts {
		if !apiHost.MatchString(h) || len(h) > 253 {
			r.add("api.hosts", quote(h)+" is no host name", "write the bare name in small letters, such as api.example.com")
		}
	}
	if u, err := url.Parse(a.BaseURL); a.BaseURL != "" && err == nil && !slices.Contains(a.Hosts, u.Host) {
		r.add("api.base_url", quote(u.Host)+" is not among api.hosts", "add it there")
	}
}

// standIns are the words that stand for a value in the address at key.
func standIns(key string) []string {
	switch key {
	case "endpoints.revocation":
		return placeholders
	case "identity.url":
		return placeholders[:1]
	}
	return nil
}

// checkBlanks keeps values out of the part of an address that says where it
// goes.
func checkBlanks(key, address string) error {
	_, rest, _ := strings.Cut(address, "://")
	authority := rest
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority = rest[:i]
	}
	if authority != withoutPlaceholders(authority, standIns(key)) {
		return errors.New("a value would say which host it goes to")
	}
	return nil
}

var paramWord = regexp.MustCompile(`^[a-z][a-z_]{0,30}$`)

// checkInstance reports whether the blanks can be filled at all.
func (r *reader) checkInstance(p dance.Provider) bool {
	before := len(r.problems)
	blank := ""
	if i := p.Instance; i != nil {
		blank = "{" + i.Param + "}"
		switch {
		case !paramWord.MatchString(i.Param):
			r.add("instance.param", quote(i.Param)+" is no name for a blank", "write a word such as host")
		case slices.Contains(placeholders, i.Param):
			r.add("instance.param", quote(i.Param)+" stands for a value of its own", "write another word, such as host")
		case i.Label == "" || i.Example == "":
			r.add("instance", "the user is not told what to fill in", "add instance.label and instance.example")
		}
		r.text("instance.label", i.Label)
		if i.Default != "" && len(r.problems) == before {
			c := clone(p)
			if err := fill(&c, i.Default); err != nil {
				r.add("instance.default", fmt.Sprintf("the default does not fit: %s", err), "correct it")
			}
		}
	}
	used := false
	for key, address := range addresses(&p) {
		rest := withoutPlaceholders(*address, standIns(key))
		if blank != "" {
			used = used || strings.Contains(rest, blank)
			rest = strings.ReplaceAll(rest, blank, "")
		}
		if strings.ContainsAny(rest, "{}") {
			r.add(key, key+" has a blank that nobody fills in", "write the address out, or add an [instance] table with its param")
		}
	}
	if p.Instance != nil && !used && len(r.problems) == before {
		r.add("instance", "no address has the blank "+blank, "delete the table, or put "+blank+" into the addresses")
	}
	return len(r.problems) == before
}

// checkURL takes https anywhere and http on loopback.
func checkURL(key, address string) error {
	u, err := url.Parse(address)
	switch {
	case len(address) > maxText:
		return errors.New("it is too long")
	case strings.ContainsFunc(address, func(c rune) bool { return c <= 0x20 || c >= 0x7f }) || strings.Contains(address, `\`):
		return errors.New("it has characters that do not belong into an address")
	case err != nil:
		return errors.New("it is not an address")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return errors.New("plain http is for this machine only")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("it does not begin with https://")
	case u.Hostname() == "" || u.Opaque != "":
		return errors.New("it names no host")
	case u.User != nil:
		return errors.New("it has a user name in it")
	case u.Fragment != "" || strings.Contains(address, "#"):
		return errors.New("it has a fragment (#)")
	case key == "issuer" && (u.RawQuery != "" || u.ForceQuery):
		return errors.New("an issuer has no query (OpenID Connect Discovery 1.0 section 3)")
	}
	return nil
}

func fixURL(address string) string {
	if rest, ok := strings.CutPrefix(address, "http://"); ok && !strings.ContainsAny(rest, " ") {
		return "write https://" + clean(rest)
	}
	return `write it in full, like "https://id.example.com"`
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
