package dancetest

import "github.com/zitadel/oidc/v3/pkg/oidc"

// A user signs in with the login as password. Subjects are opaque, so that no
// program takes a login or an address for the identity.
type user struct {
	Subject string
	Login   string
	Given   string
	Family  string
	Email   string
}

var users = []user{
	{Subject: "4f1c0d27a9", Login: "mira", Given: "Mira", Family: "Okafor", Email: "mira@example.test"},
	{Subject: "b83e5512f6", Login: "jo", Given: "Jo", Family: "Lindqvist", Email: "jo@example.test"},
}

func (u user) Name() string     { return u.Given + " " + u.Family }
func (u user) Initials() string { return u.Given[:1] + u.Family[:1] }

func userByLogin(login string) (user, bool) {
	for _, u := range users {
		if u.Login == login {
			return u, true
		}
	}
	return user{}, false
}

func userBySubject(subject string) (user, bool) {
	for _, u := range users {
		if u.Subject == subject {
			return u, true
		}
	}
	return user{}, false
}

// A scope and what it lets a program do, for the consent page.
type scope struct{ Name, Words string }

var scopes = []scope{
	{oidc.ScopeOpenID, "know who you are"},
	{oidc.ScopeProfile, "see your name"},
	{oidc.ScopeEmail, "see your e-mail address"},
	{oidc.ScopeOfflineAccess, "stay connected when you are away"},
	{"notes.read", "read your notes"},
	{"notes.write", "read and change your notes"},
}

func scopeNames() []string {
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = s.Name
	}
	return names
}

func scopesInWords(names []string) []scope {
	var out []scope
	for _, n := range names {
		for _, s := range scopes {
			if s.Name == n {
				out = append(out, s)
			}
		}
	}
	return out
}

// claims fills in what the scopes allow (OpenID Connect Core 1.0 section 5.4).
func (u user) claims(info *oidc.UserInfo, scopes []string) {
	for _, s := range scopes {
		switch s {
		case oidc.ScopeOpenID:
			info.Subject = u.Subject
		case oidc.ScopeProfile:
			info.Name, info.GivenName, info.FamilyName = u.Name(), u.Given, u.Family
			info.PreferredUsername = u.Login
		case oidc.ScopeEmail:
			info.Email, info.EmailVerified = u.Email, true
		}
	}
}
