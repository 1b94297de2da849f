package catalog

import (
	"cmp"
	"slices"
	"testing"

	"dancecard/dance"
)

// A taking removes one deviation from the client's copy of a row.
type taking struct {
	key  string
	uses func(dance.Provider) bool
	take func(*dance.Provider)
}

func text(key string, at func(*dance.Provider) *string) taking {
	return taking{key, func(p dance.Provider) bool { return *at(&p) != "" }, func(p *dance.Provider) { *at(p) = "" }}
}

func mark(key string, at func(*dance.Provider) *bool) taking {
	return taking{key, func(p dance.Provider) bool { return *at(&p) }, func(p *dance.Provider) { *at(p) = false }}
}

func table(key string, at func(*dance.Provider) *map[string]string) taking {
	return taking{key, func(p dance.Provider) bool { return len(*at(&p)) > 0 }, func(p *dance.Provider) { *at(p) = nil }}
}

type row = *dance.Provider

var takings = []taking{
	text("scope_separator", func(p row) *string { return &p.ScopeSeparator }),
	text("scope_param", func(p row) *string { return &p.ScopeParam }),
	text("pkce", func(p row) *string { return &p.PKCE }),
	text("resource", func(p row) *string { return &p.Resource }),
	text("dpop", func(p row) *string { return &p.DPoP }),
	table("authorize_params", func(p row) *map[string]string { return &p.AuthorizeParams }),
	table("token_params", func(p row) *map[string]string { return &p.TokenParams }),
	{"auth_style", func(p dance.Provider) bool { return p.AuthStyle == dance.AuthBasic && p.Issuer == "" },
		func(p row) { p.AuthStyle = dance.AuthPost }},
	{"options", func(p dance.Provider) bool {
		return slices.ContainsFunc(p.Options, func(o dance.Option) bool { return o.On })
	},
		func(p row) { p.Options = nil }},
	{"protocol", func(p dance.Provider) bool { return p.Protocol == "oauth1" }, func(p row) { p.Protocol = "oauth2" }},
	text("oauth1.signature", func(p row) *string { return &p.OAuth1.Signature }),
	table("oauth1.params", func(p row) *map[string]string { return &p.OAuth1.Params }),
	text("endpoints.refresh", func(p row) *string { return &p.Endpoints.Refresh }),
	text("endpoints.device_token", func(p row) *string { return &p.Endpoints.DeviceToken }),
	text("device.scope_param", func(p row) *string { return &p.Device.ScopeParam }),
	mark("device.status_codes", func(p row) *bool { return &p.Device.StatusCodes }),

	{"redirect.mode", func(p dance.Provider) bool { return !slices.Contains([]string{"any_port", "unknown"}, p.Redirect.Mode) },
		func(p row) { p.Redirect.Mode, p.Redirect.Port, p.Redirect.URI = "any_port", 0, "" }},
	text("redirect.uri", func(p row) *string { return &p.Redirect.URI }),
	text("redirect.host", func(p row) *string { return &p.Redirect.Host }),
	text("redirect.path", func(p row) *string { return &p.Redirect.Path }),
	{"redirect.keep", func(p dance.Provider) bool { return len(p.Redirect.Keep) > 0 }, func(p row) { p.Redirect.Keep = nil }},
	text("redirect.host_param", func(p row) *string { return &p.Redirect.HostParam }),

	text("identity.url", func(p row) *string { return &p.Identity.URL }),
	text("identity.method", func(p row) *string { return &p.Identity.Method }),
	text("identity.body", func(p row) *string { return &p.Identity.Body }),
	text("identity.subject", func(p row) *string { return &p.Identity.Subject }),
	table("identity.headers", func(p row) *map[string]string { return &p.Identity.Headers }),
	mark("identity.unknown", func(p row) *bool { return &p.Identity.Unknown }),
	text("api.scheme", func(p row) *string { return &p.API.Scheme }),
	text("api.header", func(p row) *string { return &p.API.Header }),
	table("api.headers", func(p row) *map[string]string { return &p.API.Headers }),
	text("api.base_from", func(p row) *string { return &p.API.BaseFrom }),

	text("revocation.method", func(p row) *string { return &p.Revocation.Method }),
	text("revocation.auth", func(p row) *string { return &p.Revocation.Auth }),
	text("revocation.send", func(p row) *string { return &p.Revocation.Send }),
	table("revocation.params", func(p row) *map[string]string { return &p.Revocation.Params }),
	{"revocation.style", func(p dance.Provider) bool { return p.Revocation.Style == "request" },
		func(p row) { p.Revocation = dance.Revocation{Style: "rfc7009"} }},
	text("revocation.lookup.match", func(p row) *string { return &p.Revocation.Lookup.Match }),
	{"revocation.lookup", func(p dance.Provider) bool { return p.Revocation.Lookup.URL != "" },
		func(p row) { p.Revocation.Lookup = dance.Lookup{} }},

	mark("quirks.token_type_missing", func(p row) *bool { return &p.Quirks.TokenTypeMissing }),
	text("quirks.expires_in", func(p row) *string { return &p.Quirks.ExpiresIn }),
	mark("quirks.form_answer", func(p row) *bool { return &p.Quirks.FormAnswer }),
	mark("quirks.errors_in_200", func(p row) *bool { return &p.Quirks.ErrorsIn200 }),
	text("quirks.nested", func(p row) *string { return &p.Quirks.Nested }),
	mark("quirks.no_expiry", func(p row) *bool { return &p.Quirks.NoExpiry }),
	mark("quirks.issuer_template", func(p row) *bool { return &p.Quirks.IssuerTemplate }),
	mark("quirks.refresh_redirect", func(p row) *bool { return &p.Quirks.RefreshRedirect }),
	mark("quirks.refresh_scope", func(p row) *bool { return &p.Quirks.RefreshScope }),
	mark("quirks.json_body", func(p row) *bool { return &p.Quirks.JSONBody }),
	text("quirks.client_id_param", func(p row) *string { return &p.Quirks.ClientIDParam }),
	text("quirks.secret_param", func(p row) *string { return &p.Quirks.SecretParam }),
	text("quirks.token_type", func(p row) *string { return &p.Quirks.TokenType }),
	mark("quirks.status_zero", func(p row) *bool { return &p.Quirks.StatusZero }),
}

// TestEveryQuirkIsNeeded takes each deviation away from the client's copy of a
// row that declares it: the dance with that row must then fail somewhere, or
// the exercise cannot tell whether there is code for it.
func TestEveryQuirkIsNeeded(t *testing.T) {
	entries := usable()
	slices.SortStableFunc(entries, func(a, b Entry) int { // device codes are slow
		return cmp.Compare(len(a.Endpoints.DeviceAuthorization), len(b.Endpoints.DeviceAuthorization))
	})
	for _, taking := range takings {
		t.Run(taking.key, func(t *testing.T) {
			t.Parallel()
			using := 0
			for _, e := range entries {
				if !taking.uses(e.Provider) {
					continue
				}
				if using++; using > 6 {
					break
				}
				declared, err := staged(e)
				if err != nil {
					t.Fatal(err)
				}
				client := clone(declared)
				taking.take(&client)
				for _, s := range exercise(t.Context(), declared, client) {
					if s.err != nil {
						t.Logf("%s without it: %s: %v", e.ID, s.name, s.err)
						return
					}
				}
			}
			if using > 0 {
				t.Errorf("%d rows that use it do as well without it", using)
			} else {
				t.Error("no row uses it")
			}
		})
	}
}

// usable are the rows that ship, in order.
func usable() []Entry {
	var all []Entry
	for _, e := range builtIn() {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b Entry) int { return cmp.Compare(a.ID, b.ID) })
	return all
}
