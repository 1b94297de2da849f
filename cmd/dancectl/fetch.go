package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
)

// fetchFlags say what to send and what to show.
type fetchFlags struct {
	method  string
	headers []string
	data    string
	include bool
	output  string
}

func (t *tool) fetch() *cobra.Command {
	var f fetchFlags
	cmd := &cobra.Command{
		Use:   "fetch ACCOUNT ADDRESS",
		Short: "Call the provider's API; the token stays with Dancecard",
		Long: `Call the provider's API with the account's token, which Dancecard adds: neither
dancectl nor the program that calls it ever sees the token. ADDRESS is a whole
https address at one of the account's hosts, or a path below the API's base.

The answer's body goes to standard output as it comes. An answer of 400 and
above is shown too, and the exit code is then 7.`,
		Example: `  dancectl fetch github /user
  dancectl fetch github https://api.github.com/gists -d @gist.json -H "Content-Type: application/json"`,
		Args:              exactly("ACCOUNT", "ADDRESS"),
		ValidArgsFunction: first(t.accountWords),
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.method, "request", "X", "", "method (default: GET, or POST with --data)")
	flags.StringArrayVarP(&f.headers, "header", "H", nil, "a header, as `NAME: VALUE`; may be given several times")
	flags.StringVarP(&f.data, "data", "d", "", "body: a text, @FILE, or @- for standard input")
	flags.BoolVarP(&f.include, "include", "i", false, "show the answer's status and headers too")
	flags.StringVarP(&f.output, "output", "o", "", "write the body to this `FILE`")
	cmd.RunE = t.work(func(cmd *cobra.Command, args []string) error {
		address, err := t.address(cmd.Context(), args[0], args[1])
		if err != nil {
			return err
		}
		req, err := f.request(cmd.Context(), address, cmd.Flags().Changed("data"), t.in)
		if err != nil {
			return err
		}
		resp, err := t.app.Fetch(cmd.Context(), args[0], req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		return t.answered(resp, f)
	})
	return cmd
}

// address completes a path with the API's base.
func (t *tool) address(ctx context.Context, account, arg string) (string, error) {
	if !strings.HasPrefix(arg, "/") {
		if !strings.Contains(arg, "://") {
			arg = "https://" + arg
		}
		return arg, nil
	}
	a, err := t.control.Account(ctx, account)
	switch {
	case err != nil:
		return "", err
	case a.APIBase != "":
		return strings.TrimSuffix(a.APIBase, "/") + arg, nil
	case len(a.Hosts) == 1:
		return "https://" + a.Hosts[0] + arg, nil
	case len(a.Hosts) > 1:
		return "", &problem{exitUsage, a.ProviderName + " has several API hosts", "give a whole address at one of " + strings.Join(a.Hosts, ", ")}
	}
	return "", &problem{exitUsage, "where the API of " + a.ProviderName + " is, is not known",
		"a provider file says it in [api] hosts; dancectl token gives the token itself"}
}

// request is what the flags describe.
func (f fetchFlags) request(ctx context.Context, address string, hasData bool, in io.Reader) (*http.Request, error) {
	var body io.Reader
	if name, isFile := strings.CutPrefix(f.data, "@"); hasData && isFile {
		if name != "-" {
			file, err := os.Open(name)
			if err != nil {
				return nil, &problem{exitUsage, err.Error(), "give a file that can be read"}
			}
			in = file
		}
		body = in
	} else if hasData {
		body = strings.NewReader(f.data)
	}
	method := f.method
	switch {
	case method == "" && hasData:
		method = http.MethodPost
	case method == "":
		method = http.MethodGet
	}
	if _, err := url.Parse(address); err != nil {
		return nil, &problem{exitUsage, "that is no address", "give a path such as /user, or a whole https address"}
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, &problem{exitUsage, "that is no method or no address", "-X POST /path"}
	}
	for _, h := range f.headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok {
			return nil, &problem{exitUsage, "a header has no colon", `-H "Accept: application/json"`}
		}
		req.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	if hasData && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return req, nil
}

// answered writes the answer out.
func (t *tool) answered(resp *http.Response, f fetchFlags) error {
	out := io.Writer(t.out)
	if f.output != "" {
		file, err := os.Create(f.output)
		if err != nil {
			return &problem{exitUsage, err.Error(), "give a file that can be written"}
		}
		defer file.Close()
		out = file
	}
	if f.include {
		fmt.Fprintf(out, "HTTP %s\n", line(resp.Status))
		names := make([]string, 0, len(resp.Header))
		for name := range resp.Header {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			for _, value := range resp.Header[name] {
				fmt.Fprintf(out, "%s: %s\n", line(name), line(value))
			}
		}
		fmt.Fprintln(out)
	}
	var body io.Reader = resp.Body
	if f.output == "" && isTerminal(t.out) {
		body = printable(resp.Body)
	}
	if _, err := io.Copy(out, body); err != nil {
		return &problem{exitProvider, "the answer broke off", "try again"}
	}
	if resp.StatusCode >= 400 {
		return &problem{exitProvider, "the API answered " + line(resp.Status), hintFor(resp.StatusCode)}
	}
	return nil
}

func hintFor(status int) string {
	switch status {
	case http.StatusForbidden:
		return "the token may lack a scope: dancectl connect --reconnect ACCOUNT --add-scopes SCOPE"
	case http.StatusTooManyRequests:
		return "wait, then try again"
	}
	return ""
}

// printable keeps what a terminal would obey from the screen: of the control
// characters only tab and newline pass, and no text turns its neighbours round.
func printable(body io.Reader) io.Reader {
	return transform.NewReader(body, runes.Remove(runes.Predicate(func(c rune) bool {
		return unicode.IsControl(c) && c != '\t' && c != '\n' || unicode.Is(unicode.Bidi_Control, c)
	})))
}
