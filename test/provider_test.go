package test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"dancecard/dance/dancetest"
)

func provide(ctx context.Context, s *script, args []string) (err error) {
	switch p := s.provider; args[0] {
	case "start":
		o := dancetest.Options{}
		if len(args) == 2 {
			if o.AccessTokenLifetime, err = time.ParseDuration(args[1]); err != nil {
				return err
			}
		}
		if s.provider, err = dancetest.Start(o); err != nil {
			return err
		}
		s.ts.Setenv("ISSUER", s.provider.Issuer())
		return os.WriteFile(filepath.Join(s.world.Providers(), "demo.toml"), s.provider.ProviderFile("Demo"), 0o600)
	case "stop":
		return p.Stop()
	case "restart":
		return p.Restart()
	case "expire":
		return p.ExpireAccessTokens()
	case "end":
		_, err = p.EndGrants(args[1])
		return err
	case "fail":
		status, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		body := strings.Join(args[3:], " ")
		p.Fault(s.endpoint(args[1]), -1, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		})
		return nil
	case "takes":
		r, err := http.NewRequestWithContext(ctx, "GET", p.Issuer()+p.UserInfoPath(), nil)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+args[1])
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			err = errors.New(res.Status)
		}
		return err
	case "mend":
		p.ClearFaults()
		return nil
	case "requests":
		return s.requests(ctx, args[1:])
	}
	return fmt.Errorf("the provider cannot %s", args[0])
}

func (s *script) endpoint(name string) string {
	switch name {
	case "token":
		return s.provider.TokenPath()
	case "revoke":
		return s.provider.RevocationPath()
	case "userinfo":
		return s.provider.UserInfoPath()
	}
	return name
}

// requests NAME COUNT [FIELD=VALUE]: waits until the endpoint was asked that
// often ("N+": at least), and fails at once when it was asked more often.
func (s *script) requests(ctx context.Context, args []string) error {
	want, err := strconv.Atoi(strings.TrimSuffix(args[1], "+"))
	if err != nil {
		return err
	}
	field, value := "", ""
	if len(args) > 2 {
		field, value, _ = strings.Cut(args[2], "=")
	}
	return Await(ctx, strings.Join(args, " "), func() error {
		n := 0
		for _, r := range s.provider.Requests() {
			if r.Path == s.endpoint(args[0]) && (field == "" || r.Form[field] == value) {
				n++
			}
		}
		if n < want || n > want && !strings.HasSuffix(args[1], "+") {
			return fmt.Errorf("%d requests", n)
		}
		return nil
	})
}
