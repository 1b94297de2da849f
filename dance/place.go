package dance

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// answeringHost is the host at which the answer's code is exchanged; "": the
// row's own. The row lists those that are believed.
func (r Redirect) answeringHost(p Provider, values url.Values) (string, error) {
	said := values.Get(r.HostParam)
	if r.HostParam == "" || said == "" {
		return "", nil
	}
	host := said
	if scheme, rest, found := strings.Cut(said, "://"); found {
		if scheme != "https" && !loopbackName(hostName(rest)) {
			return "", errors.New("the answer names a host without https; nothing was sent to it")
		}
		host = strings.TrimSuffix(rest, "/")
	}
	own, err := url.Parse(p.Endpoints.Token)
	if err != nil || host != own.Host && !slices.Contains(r.Hosts, host) {
		return "", errors.New("the answer names a host that this provider is not known to have; nothing was sent to it")
	}
	return host, nil
}

func hostName(host string) string {
	u, err := url.Parse("https://" + host)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// move takes the link's addresses at the token endpoint's host to the host
// that the answer named.
func (l *Link) move(values url.Values) error {
	p := &l.Provider
	host, err := p.Redirect.answeringHost(*p, values)
	if err != nil || host == "" {
		return err
	}
	own, err := url.Parse(p.Endpoints.Token)
	if err != nil || own.Host == host {
		return err
	}
	e := &p.Endpoints
	for _, address := range []*string{
		&e.Token, &e.Refresh, &e.Revocation, &e.UserInfo,
		&p.Identity.URL, &p.Revocation.Lookup.URL, &p.API.BaseURL,
	} {
		scheme, rest, found := strings.Cut(*address, "://")
		if path, same := strings.CutPrefix(rest, own.Host); found && same && (path == "" || path[0] == '/' || path[0] == '?') {
			*address = scheme + "://" + host + path
		}
	}
	if slices.Contains(p.API.Hosts, own.Host) {
		p.API.Hosts = append(slices.Clone(p.API.Hosts), host)
	}
	return nil
}

// base binds the account's own API base into the link, where the answer names
// one that the row believes.
func (l *Link) base(got receipt) {
	api := &l.Provider.API
	if api.BaseFrom == "" {
		return
	}
	said := text(got.values, api.BaseFrom)
	if said == "" {
		said = got.token.Extra[api.BaseFrom]
	}
	if said != "" && !strings.Contains(said, "://") {
		said = "https://" + said
	}
	u, err := checkURL(said)
	if err != nil || u.RawQuery != "" || u.ForceQuery || !api.believes(u) {
		return
	}
	api.BaseURL = said
	if !slices.Contains(api.Hosts, u.Host) {
		api.Hosts = append(slices.Clone(api.Hosts), u.Host)
	}
}

// believes reports an address at a host that the row lists, or of a name under
// one that belongs to the provider; never one inside this network.
func (a API) believes(u *url.URL) bool {
	if slices.Contains(a.Hosts, u.Host) {
		return true
	}
	name := strings.ToLower(u.Hostname())
	return u.Scheme == "https" && u.Port() == "" && !innerName(name) && slices.ContainsFunc(a.BaseUnder, func(under string) bool {
		return strings.HasPrefix(under, ".") && strings.HasSuffix(name, strings.ToLower(under)) && len(name) > len(under)
	})
}
