package dance

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"dancecard/internal/secret"
)

// mastodon registers at an instance's own endpoint, POST /api/v1/apps, which
// Pleroma, GoToSocial and others have too. It knows no public clients.
func (g registrar) mastodon(ctx context.Context) (Client, error) {
	if g.row.Endpoints.Registration == "" {
		return Client{}, errUnusable
	}
	scopes := g.options.Scopes
	if len(scopes) == 0 {
		scopes = g.row.Scopes
	}
	form := url.Values{"client_name": {g.options.Name}, "redirect_uris": {g.redirect}, "scopes": {strings.Join(scopes, " ")}}
	doc, err := g.post(ctx, "application/x-www-form-urlencoded", []byte(form.Encode()))
	if err != nil {
		return Client{}, err
	}
	wrong := func(text string) (Client, error) {
		return Client{}, &Invalid{Stage: registering, Text: "the instance's answer cannot be used: " + text}
	}
	id, key := stringAt(doc, "client_id"), stringAt(doc, "client_secret")
	switch {
	case id == "" || len(id) > clientIDLength || !visible(id):
		return wrong("it holds no usable client id")
	case key == "" || len(key) > tokenLength || !visible(key):
		return wrong("it holds no usable client secret")
	case doc["redirect_uris"] != nil && !slices.Equal(stringsAt(doc, "redirect_uris"), []string{g.redirect}),
		doc["redirect_uri"] != nil && stringAt(doc, "redirect_uri") != g.redirect:
		return wrong("it would send answers to another address than ours")
	}
	style := g.row.AuthStyle
	if style == "" || style == AuthNone {
		style = AuthPost
	}
	return Client{Registration: Registration{ClientID: id, ClientSecret: secret.New(key), AuthStyle: style}}, nil
}
