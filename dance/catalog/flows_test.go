package catalog

import (
	"bytes"
	"fmt"
	"slices"

	"dancecard/dance"
)

// family groups rows by how their clients prove themselves.
func family(p dance.Provider) string {
	switch {
	case p.Protocol == "oauth1" && p.OAuth1.Signature != "":
		return "OAuth 1.0a, " + p.OAuth1.Signature
	case p.Protocol == "oauth1":
		return "OAuth 1.0a, HMAC-SHA1"
	case p.DPoP != "":
		return "OAuth 2.0, bound to a key (DPoP, PAR)"
	case p.Protocol == "oidc" || p.Protocol == "" && p.Issuer != "":
		return "OpenID Connect, " + clientWord[p.AuthStyle]
	}
	return "OAuth 2.0, " + clientWord[p.AuthStyle]
}

var clientWord = map[dance.AuthStyle]string{
	"": "as discovered", dance.AuthNone: "public client", dance.AuthBasic: "secret in the header", dance.AuthPost: "secret in the body",
}

var columns = []string{"register", "browser", "paste", "device", "denied", "options", "refresh", "refused", "identity", "fetch", "revoke", "no revocation"}

// flowsPage is docs/flows.md.
func flowsPage(results map[string][]step) []byte {
	type cell struct{ good, all int }
	table := map[string]map[string]cell{}
	rows := map[string]int{}
	for id, steps := range results {
		f := family(builtIn()[id].Provider)
		rows[f]++
		if table[f] == nil {
			table[f] = map[string]cell{}
		}
		best := map[string]bool{} // of one row: each step at most once
		for _, s := range steps {
			before, seen := best[s.name]
			best[s.name] = s.err == nil && (before || !seen)
		}
		for name, good := range best {
			c := table[f][name]
			c.all++
			if good {
				c.good++
			}
			table[f][name] = c
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, flowsHead, len(results))
	b.WriteString("| Family | Rows |")
	for _, c := range columns {
		fmt.Fprintf(&b, " %s |", c)
	}
	b.WriteString("\n|---|--:|")
	for range columns {
		b.WriteString("--:|")
	}
	families := make([]string, 0, len(rows))
	for f := range rows {
		families = append(families, f)
	}
	slices.Sort(families)
	for _, f := range families {
		fmt.Fprintf(&b, "\n| %s | %d |", f, rows[f])
		for _, name := range columns {
			switch c := table[f][name]; {
			case c.all == 0:
				b.WriteString(" |")
			case c.good == c.all:
				fmt.Fprintf(&b, " %d |", c.good)
			default:
				fmt.Fprintf(&b, " **%d of %d** |", c.good, c.all)
			}
		}
	}
	b.WriteString("\n\n## Deviations\n\n")
	b.WriteString("How many rows declare each. Without its line in the row the exercise of such a row fails.\n\n| Key | Rows |\n|---|--:|\n")
	for _, t := range takings {
		n := 0
		for _, e := range builtIn() {
			if t.uses(e.Provider) {
				n++
			}
		}
		fmt.Fprintf(&b, "| `%s` | %d |\n", t.key, n)
	}
	return b.Bytes()
}

const flowsHead = `# Flows

The tests take each of the %d providers of the catalogue through a whole life,
at a simulated provider under the same names that behaves as the row says and
refuses everything else. This page is written by them
(` + "`go test ./dance/catalog -update`" + `) and fails them when it is not true. It says
that Dancecard does what a row says; whether a row is right about its provider
only that provider can tell.

- *register*: a client is made without the user. *browser*, *paste*, *device*:
  connected, the subject, the scopes and the expiry are right. *denied*: a no to
  a device code is understood. *options*: every choice that the row offers the
  user arrives.
- *refresh*, *refused*: a new access token; the provider's no to a refresh token
  is understood in the shape that the row has for errors.
- *identity*, *fetch*: the token is taken at the provider's addresses.
- *revoke*: the provider does not take the token any more. *no revocation*: no
  way is known, and Dancecard says so.

A number alone means that all rows passed.

`
