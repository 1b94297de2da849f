package ui

import (
	"cmp"
	"fmt"
	"strings"

	"dancecard/accounts"
)

// choiceState is one of several accounts that an app's wish fits.
type choiceState struct {
	ID     string
	Name   string
	Tile   tileState
	Wishes []scopeState
}

// factState is a labelled line of a question.
type factState struct {
	Label, Text string
	Mono        bool
}

// answerState is a button of a question.
type answerState struct {
	Label  string
	Danger bool
	Left   bool // stands alone at the left
	Answer accounts.Answer
}

// questionState is a question in its own window.
type questionState struct {
	ID      string
	Kind    accounts.QuestionKind
	Title   titleState
	Sub     string
	Icon    string
	Facts   []factState
	Tile    tileState
	Wishes  []scopeState
	Choices []choiceState
	Gets    string // what is handed over and for how long
	Warn    string // how weakly the app is known
	Answers []answerState
	Foot    string
	Refuse  accounts.Answer // Esc and closing the window
}

// titleState is the question: who, what it wants, of what. Names give way, the
// question never does.
type titleState struct{ Who, Asks, What, End string }

func (t titleState) String() string {
	return strings.TrimSpace(t.Who+" "+t.Asks) + " " + t.What + t.End
}

// lines is the question in one line if it fits, else in two, with the names cut
// in their middle.
func (t titleState) lines(fits func(string) bool) []string {
	if whole := t.String(); fits(whole) {
		return []string{whole}
	}
	ask := func(what string) string { return t.Asks + " " + what + t.End }
	second := ask(shorten(t.What, cutMiddle, func(what string) bool { return fits(ask(what)) }))
	if t.Who == "" {
		return []string{second}
	}
	return []string{shorten(t.Who, cutMiddle, fits), second}
}

// questionOf is the first question that waits.
func questionOf(s accounts.Snapshot) (questionState, bool) {
	if len(s.Questions) == 0 {
		return questionState{}, false
	}
	q := s.Questions[0]
	out := questionState{ID: q.ID, Kind: q.Kind, Icon: "apps", Facts: factsOf(q.App), Warn: warnOf(q.App),
		Refuse: accounts.Answer{Allow: false, For: accounts.Once},
		Foot:   "Closing this window says no, this time. Enter does nothing."}
	switch q.Kind {
	case accounts.QuestionConnect:
		askConnect(s, q, &out)
	case accounts.QuestionConfirm:
		switch q.Verb {
		case accounts.VerbGiveUp:
			askGiveUp(s, q, &out)
		case accounts.VerbDeleteProfile:
			askDelete(s, q, &out)
		default:
			askConfirm(s, q, &out)
		}
	default:
		askUse(s, q, &out)
	}
	if n := len(s.Questions) - 1; n == 1 {
		out.Foot = "1 more asks after this. " + out.Foot
	} else if n > 1 {
		out.Foot = fmt.Sprintf("%d more ask after this. %s", n, out.Foot)
	}
	return out, true
}

func factsOf(a accounts.App) []factState {
	var out []factState
	if a.Name == "" && a.Path == "" {
		return nil
	}
	out = append(out, factState{Label: "Program", Text: clean(cmp.Or(a.Path, "not known")), Mono: a.Path != ""})
	switch {
	case a.CallerPath != "":
		out = append(out, factState{Label: "Called by", Text: clean(a.CallerPath), Mono: true})
	case a.Caller != "":
		out = append(out, factState{Label: "Called by", Text: clean(a.Caller)})
	case len(a.Callers) > 0:
		out = append(out, factState{Label: "Called by", Text: clean(strings.Join(a.Callers[:min(3, len(a.Callers))], " in "))})
	}
	if a.Sandbox != "" {
		out = append(out, factState{Label: "Sandbox", Text: clean(a.Sandbox), Mono: true})
	}
	return out
}

func warnOf(a accounts.App) string {
	switch {
	case a.OnceOnly:
		return "It speaks for a program that is gone: it can be allowed once only."
	case a.Weak:
		return "It is known by less than usual: another program may pass as it."
	}
	return ""
}

func askUse(s accounts.Snapshot, q accounts.Question, out *questionState) {
	prof, _ := s.Profile(s.Current)
	app := clean(cmp.Or(q.App.Name, "A program"))
	if c := clean(q.App.Caller); c != "" {
		app = c
	}
	a, _ := s.Account(cmp.Or(q.Account, first(q.Choices)))
	name := clean(a.ProviderName)
	out.Title = titleState{Who: app, Asks: "wants to use", What: clean(a.Label)}
	out.Sub = "your " + name + " account, in profile " + clean(prof.Name)
	if carrier := clean(q.App.Name); carrier != app {
		out.Sub = "through " + carrier + ", " + out.Sub
	}
	if len(q.Choices) > 1 {
		out.Title.What, out.Sub = "an account", "Choose which one, in profile "+clean(prof.Name)
		for _, id := range q.Choices {
			if c, ok := s.Account(id); ok {
				out.Choices = append(out.Choices, choiceState{ID: id, Name: clean(c.Label), Tile: tileOf(c.Tile, c.ProviderName), Wishes: wishesOf(c)})
			}
		}
	}
	if out.Tile = tileOf(a.Tile, a.ProviderName); len(out.Choices) > 0 {
		out.Tile = tileState{}
	}
	// The token can do all that the account may, whatever the app asked for.
	out.Wishes = wishesOf(a)
	out.Gets = "The token; when it ends is not known."
	if a.Endless {
		out.Gets = "The token, which does not expire."
	}
	switch {
	case q.TokenUntil.IsZero():
	case !q.TokenUntil.After(s.At): // it is refreshed first
		out.Gets = "A new token, until that one ends."
	default:
		out.Gets = "The token. " + brief(app, 24) + " holds it until " + whenWords(q.TokenUntil, s.At) + " at the latest."
	}
	switch {
	case q.Want.Fetch && q.Want.Write:
		out.Gets = "What the API answers, and it may change things there. The token stays with Dancecard."
	case q.Want.Fetch:
		out.Gets = "What the API answers; it may read only. The token stays with Dancecard."
	case q.Want.Type == accounts.IDToken:
		out.Gets = "An ID token: proof of who you are, no access."
	}
	out.Answers = useAnswers(q.App.OnceOnly)
}

func wishesOf(a accounts.Account) []scopeState {
	if len(a.Granted) == 0 {
		return []scopeState{{Words: "Everything that the account may do", Given: true}}
	}
	return scopesOf(nil, a.Granted, a.Words)
}

func useAnswers(onceOnly bool) []answerState {
	once := answerState{Label: "Once", Answer: accounts.Answer{Allow: true, For: accounts.Once}}
	if onceOnly {
		return []answerState{{Label: "No", Left: true, Answer: accounts.Answer{For: accounts.Once}}, once}
	}
	return []answerState{
		{Label: "Never", Left: true, Answer: accounts.Answer{For: accounts.Never}},
		once,
		{Label: "An hour", Answer: accounts.Answer{Allow: true, For: accounts.Hour}},
		{Label: "Always", Answer: accounts.Answer{Allow: true, For: accounts.Always}},
	}
}

func askConnect(s accounts.Snapshot, q accounts.Question, out *questionState) {
	p, _ := providerOf(s, q.Provider)
	name := clean(cmp.Or(p.Name, q.Provider))
	out.Title = titleState{Who: appName(q.App), Asks: "asks you to connect", What: name}
	out.Sub = "Nothing has been sent yet."
	out.Tile = tileOf(p.Tile, p.Name)
	out.Wishes = scopesOf(nil, p.Scopes, p.Words)
	out.Gets = "Your browser opens at " + name + ". The app may use the account only if you allow that too."
	out.Answers = []answerState{
		{Label: "Not now", Left: true, Answer: accounts.Answer{For: accounts.Once}},
		{Label: "Connect", Answer: accounts.Answer{Allow: true, For: accounts.Once}},
	}
}

func askConfirm(s accounts.Snapshot, q accounts.Question, out *questionState) {
	a, _ := s.Account(q.Account)
	prof, _ := s.Profile(s.Current)
	name := clean(a.ProviderName)
	out.Title, out.Sub, out.Icon = titleState{Asks: "Disconnect", What: clean(a.Label), End: "?"}, "your "+name+" account, in profile "+clean(prof.Name), "unlink"
	out.Tile = tileState{}
	facts := []factState{{Label: "Here", Text: "its token is erased; apps lose it at once"}, {Label: "At " + brief(name, 8), Text: revokesWords(a)}}
	shared := ""
	if len(a.SharesGrant) > 0 && a.CanRevoke && a.Revokes != "token" {
		shared = listed(cleaned(a.SharesGrant), 3)
		facts = append(facts, factState{Label: "Also ends", Text: shared})
	}
	if len(out.Facts) > 0 && q.App.Name != "" {
		facts = append(facts, factState{Label: "Asked by", Text: appName(q.App)})
	}
	stays := clean(prof.Name) + " and your other accounts"
	if shared != "" {
		stays = clean(prof.Name) + " and everything else in it"
	}
	facts = append(facts, factState{Label: "Stays", Text: stays})
	out.Facts, out.Warn = facts, ""
	switch {
	case !a.CanRevoke && a.SettingsPage != "":
		out.Warn = name + " has to be told by you: its page opens when you disconnect."
	case shared != "" && a.Revokes == "grant":
		out.Warn = "They live on the same permission at " + name + ", which ends as a whole."
	case shared != "":
		out.Warn = "They may live on the same permission at " + name + ". How far revoking reaches is not known."
	}
	out.Gets = ""
	out.Answers = []answerState{
		{Label: "Cancel", Answer: accounts.Answer{For: accounts.Once}},
		{Label: "Disconnect", Danger: true, Answer: accounts.Answer{Allow: true, For: accounts.Once}},
	}
	out.Foot = "Closing this window disconnects nothing. Enter does nothing."
}

func askGiveUp(s accounts.Snapshot, q accounts.Question, out *questionState) {
	a, _ := s.Account(q.Account)
	name := clean(a.ProviderName)
	out.Title, out.Sub, out.Icon = titleState{Asks: "Give up revoking", What: clean(a.Label), End: "?"}, "at "+name+", which could not be told yet", "unlink"
	out.Tile = tileState{}
	facts := []factState{{Label: "Here", Text: "the kept token is erased; nothing tries again"},
		{Label: "At " + brief(name, 8), Text: "the token stays good until it ends by itself"}}
	if len(out.Facts) > 0 && q.App.Name != "" {
		facts = append(facts, factState{Label: "Asked by", Text: appName(q.App)})
	}
	out.Facts, out.Gets = facts, ""
	out.Warn = "End it in your settings at " + name + "."
	if a.SettingsPage != "" {
		out.Warn = "End it in your settings at " + name + ": their page opens when you give up."
	}
	out.Answers = []answerState{
		{Label: "Keep trying", Answer: accounts.Answer{For: accounts.Once}},
		{Label: "Give up", Danger: true, Answer: accounts.Answer{Allow: true, For: accounts.Once}},
	}
	out.Foot = "Closing this window changes nothing. Enter does nothing."
}

// revokesWords says what revoking ends at the provider.
func revokesWords(a accounts.Account) string {
	switch {
	case !a.CanRevoke:
		return "nothing: no way to revoke is known"
	case a.Revokes == "token":
		return "this token is revoked, and nothing else"
	case a.Revokes == "grant":
		return "all tokens of this link are revoked"
	}
	return "revoked; how far that reaches is not known"
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
