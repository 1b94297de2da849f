package catalog

import (
	"fmt"
	"slices"
	"strings"

	"dancecard/dance"
)

// checkOptions looks at what the user may choose at a sign-in.
func (r *reader) checkOptions(p dance.Provider) {
	if len(p.Options) > 20 {
		r.add("options", "there are more than 20 options", "leave out those that nobody needs")
		return
	}
	for i, o := range p.Options {
		key := fmt.Sprintf("options.%d", i)
		switch {
		case o.ID == "" || o.Param == "":
			r.add(key, "an option needs an id and a param", "add both")
		case slices.ContainsFunc(p.Options[:i], func(b dance.Option) bool { return b.ID == o.ID }):
			r.add(key+".id", quote(o.ID)+" stands there twice", "give one of the two another id")
		}
		if strings.TrimSpace(o.Label) == "" {
			r.add(key, "the option has no label", "add a label, such as \"Stay connected when I am away\"")
		}
		r.text(key+".label", o.Label)
		r.text(key+".value", o.Value)
		if o.Param != "" {
			r.param(key+".param", o.Param)
		}
		if o.On && o.Value == "" {
			r.add(key+".on", "an option that the user types cannot be on", "add the value that it sends, or delete this line")
		}
	}
}

// checkFlows looks at what belongs to one protocol or flow only.
func (r *reader) checkFlows(p dance.Provider) {
	e, one := p.Endpoints, p.Protocol == "oauth1"
	switch {
	case one && e.RequestToken == "":
		r.add("protocol", "OAuth 1.0a begins with a request token", "add endpoints.request_token")
	case !one && e.RequestToken != "":
		r.add("endpoints.request_token", "request tokens are OAuth 1.0a's", `write protocol = "oauth1", or delete this line`)
	case one && p.Issuer != "":
		r.add("issuer", "OAuth 1.0a knows no issuer", "delete this line")
	}
	if !one && (p.OAuth1.Signature != "" || len(p.OAuth1.Params) > 0) {
		r.add("oauth1", "the table is for OAuth 1.0a", `write protocol = "oauth1", or delete the table`)
	}
	if one && (p.DPoP != "" || p.Resource != "" || p.PKCE != "" || p.AuthStyle != "") {
		r.add("protocol", "pkce, auth_style, dpop and resource mean nothing to OAuth 1.0a", "delete them")
	}
	noDevice := p.Issuer == "" && e.DeviceAuthorization == ""
	if noDevice && p.Device != (dance.Device{}) {
		r.add("device", "there is no address to ask for a device code", "add endpoints.device_authorization, or delete the table")
	}
	if noDevice && e.DeviceToken != "" {
		r.add("endpoints.device_token", "there is no address to ask for a device code", "add endpoints.device_authorization")
	}
	for _, m := range p.RegistrationMethods {
		if (m == "dynamic" || m == "mastodon") && e.Registration == "" && p.Issuer == "" {
			r.add("registration_methods", "the address for "+m+" registration is missing", "add endpoints.registration")
		}
	}
}

func (r *reader) checkRedirect(d dance.Redirect) {
	paste := d.Mode == "paste"
	switch {
	case d.Port != 0 && (d.Port < 1024 || d.Port > 65535):
		r.add("redirect.port", fmt.Sprintf("%d is no port that a program may take", d.Port), "write a number from 1024 to 65535")
	case d.Port != 0 && (d.Mode == "" || d.Mode == "any_port"):
		r.add("redirect.port", "a port is given, and any port will do", `write mode = "fixed_port", or delete the port`)
	case paste && (d.Port != 0 || d.Host != "" || d.Path != "" || d.RandomPath):
		r.add("redirect.mode", "nothing listens where the user pastes", "delete host, port and path; write the address into uri")
	}
	if d.RandomPath && d.Path != "" {
		r.add("redirect.path", "a path is given, and a random one is asked for", "delete one of the two")
	}
	if d.URI != "" && !paste {
		r.add("redirect.uri", "an address of its own is for rows where the user pastes", `write mode = "paste", or delete this line`)
	}
	if d.URI != "" && !strings.HasPrefix(d.URI, "urn:ietf:wg:oauth:2.0:oob") {
		if err := checkURL("redirect.uri", d.URI); err != nil {
			r.add("redirect.uri", "redirect.uri cannot be used: "+err.Error(), "write the provider's own page, or urn:ietf:wg:oauth:2.0:oob")
		}
	}
	if (d.HostParam == "") != (len(d.Hosts) == 0) {
		r.add("redirect", "a host out of the answer needs both its name and the hosts to believe", "add host_param and hosts, or delete both")
	}
}
