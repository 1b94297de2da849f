package dancetest

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

const (
	loginPath     = "/login"
	consentPath   = "/consent"
	signedOutPath = "/signed-out"
)

var (
	errOtherBrowser = errors.New("this sign-in was begun in another browser")
	errNotSignedIn  = errors.New("sign in first")
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"style": func() template.CSS { return template.CSS(pageStyle) },
}).Parse(pageText))

// policy lets the page's own style through and nothing else. There is no
// form-action: the answer to a form is a redirect to the program.
var policy = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; frame-ancestors 'none'"
}()

// page is what page.html is filled with.
type page struct {
	View    string // "login", "consent", "message"
	Title   string
	Request string
	Client  string
	Text    string

	Login   string // prefilled
	Problem string
	Quick   []choice

	User   user
	Scopes []scope
}

type choice struct {
	user
	SignedIn bool
}

func (p *Provider) pages(mux *http.ServeMux) {
	mux.HandleFunc("GET "+loginPath, p.showLogin)
	mux.HandleFunc("POST "+loginPath, p.login)
	mux.HandleFunc("GET "+consentPath, p.showConsent)
	mux.HandleFunc("POST "+consentPath, p.consent)
	mux.Handle(p.EndSessionPath(), p.withSession(p.op))
	mux.HandleFunc("GET "+signedOutPath, func(w http.ResponseWriter, r *http.Request) {
		show(w, http.StatusOK, page{View: "message", Title: "You are signed out", Text: "You can close this page."})
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		show(w, http.StatusOK, page{
			View: "message", Title: "A provider for trying things out",
			Text: "Nothing to do here. Begin in the program that you want to connect.",
		})
	})
}

func show(w http.ResponseWriter, status int, pg page) {
	pg.Client = clientName
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, pg); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

func showError(w http.ResponseWriter, err error) {
	text := err.Error()
	if e, ok := errors.AsType[*oidc.Error](err); ok {
		text = e.Description
	}
	show(w, http.StatusBadRequest, page{
		View: "message", Title: "This sign-in cannot go on",
		Text: strings.ToUpper(text[:1]) + text[1:] + ". Go back to the program and begin again.",
	})
}

func (p *Provider) showLogin(w http.ResponseWriter, r *http.Request) {
	req, err := p.bind(w, r, r.FormValue("request"))
	if err != nil {
		showError(w, err)
		return
	}
	p.loginPage(w, http.StatusOK, req, "", "")
}

// loginPage always lets the user choose: an account is never taken silently
// because the browser knows it. With prompt=login or max_age the password is
// asked for, so the quick list is away.
func (p *Provider) loginPage(w http.ResponseWriter, status int, req *authRequest, login, problem string) {
	if login == "" {
		login = strings.TrimSuffix(req.LoginHint, "@example.test")
	}
	pg := page{View: "login", Title: "Sign in", Request: req.id, Login: login, Problem: problem}
	if !slices.Contains(req.Prompt, oidc.PromptLogin) && req.MaxAge == nil {
		known := p.store.signedIn(req.session)
		for _, u := range users {
			pg.Quick = append(pg.Quick, choice{u, slices.Contains(known, u.Subject)})
		}
		slices.SortStableFunc(pg.Quick, func(a, b choice) int {
			return rank(a, login) - rank(b, login)
		})
	}
	show(w, status, pg)
}

func rank(c choice, hint string) int {
	switch {
	case c.Login == hint:
		return 0
	case c.SignedIn:
		return 1
	}
	return 2
}

func (p *Provider) login(w http.ResponseWriter, r *http.Request) {
	req, err := p.bind(w, r, r.PostFormValue("request"))
	if err != nil {
		showError(w, err)
		return
	}
	name := strings.TrimSpace(r.PostFormValue("username"))
	u, known := userByLogin(name)
	ok := known && r.PostFormValue("password") == u.Login
	if as := r.PostFormValue("as"); as != "" && !slices.Contains(req.Prompt, oidc.PromptLogin) && req.MaxAge == nil {
		u, ok = userByLogin(as)
	}
	if !ok {
		p.loginPage(w, http.StatusUnauthorized, req, name, "That name and password do not belong together.")
		return
	}
	p.store.signIn(req, u)
	http.Redirect(w, r, consentPath+"?request="+url.QueryEscape(req.id), http.StatusSeeOther)
}

func (p *Provider) showConsent(w http.ResponseWriter, r *http.Request) {
	req, u, err := p.consenting(w, r)
	if err != nil {
		showError(w, err)
		return
	}
	show(w, http.StatusOK, page{
		View: "consent", Title: "Connect " + clientName, Request: req.id, User: u, Scopes: scopesInWords(req.Scopes),
	})
}

func (p *Provider) consenting(w http.ResponseWriter, r *http.Request) (*authRequest, user, error) {
	req, err := p.bind(w, r, r.FormValue("request"))
	if err != nil {
		return nil, user{}, err
	}
	u, ok := userBySubject(req.subject)
	if !ok {
		return nil, user{}, errNotSignedIn
	}
	return req, u, nil
}

func (p *Provider) consent(w http.ResponseWriter, r *http.Request) {
	req, _, err := p.consenting(w, r)
	if err != nil {
		showError(w, err)
		return
	}
	if req.code != "" {
		showError(w, errors.New("it was already answered"))
		return
	}
	if r.PostFormValue("decision") != "allow" {
		p.store.DeleteAuthRequest(r.Context(), req.id)
		p.refuse(w, r, req)
		return
	}
	p.store.allow(req)
	http.Redirect(w, r, p.AuthorizationPath()+"/callback?id="+url.QueryEscape(req.id), http.StatusSeeOther)
}
