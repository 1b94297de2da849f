package catalog

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"dancecard/dance"
)

// WithInstance fills the blank of a self-hosted row, such as GitLab's {host},
// and returns a provider that a dance can use: its Instance is nil. An empty
// value means the row's default. A host may be pasted as its address. A row
// without a blank takes the empty value only.
func (e Entry) WithInstance(value string) (dance.Provider, error) {
	value = strings.TrimSpace(value)
	p := clone(e.Provider)
	if p.Instance == nil {
		if value != "" {
			return dance.Provider{}, fmt.Errorf("%s is one service for all. Leave the server empty", p.Name)
		}
		return p, nil
	}
	if value == "" {
		value = p.Instance.Default
	}
	if value == "" {
		return dance.Provider{}, fmt.Errorf("%s is missing", p.Instance.Label)
	}
	label := p.Instance.Label
	if err := fill(&p, value); err != nil {
		return dance.Provider{}, fmt.Errorf("%s does not fit: %w", label, err)
	}
	return p, nil
}

// clone makes the parts that fill writes to p's own.
func clone(p dance.Provider) dance.Provider {
	p.API.Hosts = slices.Clone(p.API.Hosts)
	p.Scopes = slices.Clone(p.Scopes)
	p.OptionalScopes = slices.Clone(p.OptionalScopes)
	p.ScopeWords = maps.Clone(p.ScopeWords)
	p.AuthorizeParams, p.TokenParams = maps.Clone(p.AuthorizeParams), maps.Clone(p.TokenParams)
	p.Identity.Headers, p.API.Headers = maps.Clone(p.Identity.Headers), maps.Clone(p.API.Headers)
	return p
}

var (
	hostPort  = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?(:[0-9]{1,5})?$`)
	pathPiece = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,200}[A-Za-z0-9])?$`)
)

// fill puts value in the place of the blank everywhere and checks every
// address that came of it.
func fill(p *dance.Provider, value string) error {
	blank := "{" + p.Instance.Param + "}"
	value, err := fit(p, blank, value)
	if err != nil {
		return err
	}
	for key, address := range addresses(p) {
		if !strings.Contains(*address, blank) {
			continue
		}
		*address = strings.ReplaceAll(*address, blank, value)
		if err := checkURL(key, withoutPlaceholders(*address, standIns(key))); err != nil {
			return err
		}
	}
	for i, h := range p.API.Hosts {
		p.API.Hosts[i] = strings.ReplaceAll(h, blank, value)
	}
	p.Instance = nil
	return nil
}

// fit checks value by where the blank stands: it is a whole address if an
// address begins with it, a host behind "https://", else one step of a path.
// A value can so never change which host an address goes to, except where the
// row means it to.
func fit(p *dance.Provider, blank, value string) (string, error) {
	whole, host := false, false
	for _, address := range addresses(p) {
		whole = whole || strings.HasPrefix(*address, blank)
		rest, _ := strings.CutPrefix(*address, "https://")
		authority, _, _ := strings.Cut(rest, "/")
		host = host || strings.Contains(authority, blank)
	}
	switch {
	case whole:
		value = strings.TrimRight(value, "/")
		if u, err := url.Parse(value); err != nil || u.RawQuery != "" || u.ForceQuery {
			return "", errors.New("it is not a plain address")
		}
		return value, checkURL("", value)
	case host:
		value = strings.ToLower(strings.TrimRight(strings.TrimPrefix(value, "https://"), "/"))
		if !hostPort.MatchString(value) || len(value) > 253 {
			return "", errors.New("it is not a host name")
		}
	case !pathPiece.MatchString(value):
		return "", errors.New("it has characters that do not belong there")
	}
	return value, nil
}
