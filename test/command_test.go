package test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// scriptCommands are what scripts can do besides testscript's own commands.
var scriptCommands = map[string]func(context.Context, *script, []string) error{
	// world [screen] [disk=small] [bus=none|hung] [keyring=none|hung]
	"world": func(_ context.Context, s *script, args []string) (err error) {
		var o Options
		for _, a := range args {
			switch a {
			case "screen":
				o.Screen = true
			case "disk=small":
				o.Disk = true
			case "bus=none":
				o.Bus = BusNone
			case "bus=hung":
				o.Bus = BusHung
			case "keyring=none":
				o.Keyring = KeyringNone
			case "keyring=hung":
				o.Keyring = KeyringHung
			default:
				return fmt.Errorf("a world has no %s", a)
			}
		}
		if s.world, err = New(o); err == nil {
			s.share()
		}
		return err
	},
	// setenv NAME VALUE, for what Dancecard is started with
	"setenv": func(_ context.Context, s *script, args []string) error {
		s.world.Setenv(args[0], args[1])
		s.share()
		return nil
	},
	// provider start|stop|restart|expire|end USER|fail PATH STATUS [BODY]|mend|takes TOKEN|requests PATH COUNT [FORM=VALUE]
	"provider": provide,
	// dancecard [ARGS]: starts it and waits until apps are answered
	"dancecard": func(ctx context.Context, s *script, args []string) (err error) {
		if s.app, err = s.world.Start("dancecard", args...); err != nil {
			return err
		}
		return Await(ctx, "Dancecard to answer", func() error {
			if !s.app.Running() {
				return errors.New("it has ended")
			}
			_, err := s.world.Client().Status(ctx)
			return err
		})
	},
	// end [CODE]: ends Dancecard as the session's end would
	"end": func(ctx context.Context, s *script, args []string) error {
		want := 0
		if len(args) == 1 {
			want, _ = strconv.Atoi(args[0])
		}
		if err := s.app.Signal(syscall.SIGTERM); err != nil {
			return err
		}
		code, err := s.app.Wait(ctx)
		switch {
		case err != nil: // its log then says where it hangs
			s.app.Signal(syscall.SIGQUIT)
			s.app.Wait(ctx)
		case code != want:
			err = fmt.Errorf("exit code %d", code)
		}
		return errors.Join(err, s.world.ForgetPlaces())
	},
	// crash: ends Dancecard by SIGKILL
	"crash": func(_ context.Context, s *script, _ []string) error {
		s.app.Kill()
		return s.world.ForgetPlaces()
	},
	// printed PATTERN: Dancecard's own output
	"printed": func(_ context.Context, s *script, args []string) error {
		return match(args[0], s.app.Log())
	},
	// await PATTERN COMMAND...: until the command's output matches
	"await": func(ctx context.Context, s *script, args []string) error {
		return Await(ctx, args[0], func() error {
			out, _ := s.world.run(ctx, args[1], args[2:]...)
			return match(args[0], out)
		})
	},
	// await-not PATTERN COMMAND...: until it no longer does
	"await-not": func(ctx context.Context, s *script, args []string) error {
		return Await(ctx, "no "+args[0], func() error {
			out, err := s.world.run(ctx, args[1], args[2:]...)
			if err == nil && match(args[0], out) == nil {
				err = errors.New(out)
			}
			return err
		})
	},
	// profile NAME: made on the command line, with the passphrase "correct horse"
	"profile": func(ctx context.Context, s *script, args []string) error {
		file := filepath.Join(s.dir, "passphrase")
		if err := os.WriteFile(file, []byte("correct horse\n"), 0o600); err != nil {
			return err
		}
		_, err := s.world.run(ctx, "dancectl", append([]string{"profile", "create", args[0], "--passphrase-file", file}, args[1:]...)...)
		return err
	},
	// link USER: dancectl connect demo, approved at the provider without a browser
	"link": link,
	// approve USER and deny USER, in the browser that Dancecard opened
	"approve": func(ctx context.Context, s *script, args []string) error { return s.decide(ctx, args[0], "#allow") },
	"deny":    func(ctx context.Context, s *script, args []string) error { return s.decide(ctx, args[0], "#deny") },
	// browse URL|opened, and page TEXT on what it shows
	"browse": func(ctx context.Context, s *script, args []string) (err error) {
		address := args[0]
		if address == "opened" {
			if address, err = s.world.Opened(ctx); err != nil {
				return err
			}
		}
		s.page, err = s.world.Open(ctx, address)
		return err
	},
	"page": func(ctx context.Context, s *script, args []string) error { return s.page.AwaitText(ctx, args[0]) },
	// keyring hang|wake
	"keyring": func(_ context.Context, s *script, args []string) error {
		if args[0] == "hang" {
			return s.world.StopKeyring()
		}
		return s.world.ContinueKeyring()
	},
	// ask REF [BUTTON]: as an app of its own; answers the question; sets $TOKEN or $CODE
	"ask": ask,
	// unopened: no browser was opened unasked
	"unopened": func(_ context.Context, s *script, _ []string) error { return s.world.NothingOpened() },
	// breakbrowser: xdg-open fails from now on
	"breakbrowser": func(_ context.Context, s *script, _ []string) error { return s.world.BreakBrowser() },

	"window": func(ctx context.Context, s *script, args []string) error { return s.world.AwaitWindow(ctx, args[0]) },
	// click WINDOW LABEL [SEEN]: with SEEN, again until that is seen
	"click": func(ctx context.Context, s *script, args []string) error {
		if len(args) > 2 {
			return s.world.ClickFor(ctx, args[0], args[1], args[2])
		}
		return s.world.Click(ctx, args[0], args[1])
	},
	"see": func(ctx context.Context, s *script, args []string) error {
		_, err := s.world.AwaitPlace(ctx, args[0], args[1])
		return err
	},
	// answer-question QUESTION BUTTON
	"answer-question": func(ctx context.Context, s *script, args []string) error {
		return s.world.Answer(ctx, args[0], args[1])
	},
	// see-now: without waiting
	"see-now": func(_ context.Context, s *script, args []string) error {
		_, err := s.world.find(args[0], "", anything)
		return err
	},
	"gone": func(ctx context.Context, s *script, args []string) error {
		return s.world.AwaitGone(ctx, args[0], args[1])
	},
	"type": func(ctx context.Context, s *script, args []string) error {
		return s.world.Type(ctx, args[0], args[1], args[2])
	},
	"tray": func(ctx context.Context, s *script, args []string) error { return s.world.Tray.Click(ctx, args...) },
	"tray-has": func(ctx context.Context, s *script, args []string) error {
		_, err := s.world.Tray.Await(ctx, args...)
		return err
	},
	// live-socket PATH: somebody else listens there; stale-socket PATH: somebody did
	"live-socket": func(_ context.Context, s *script, args []string) error {
		l, err := net.Listen("unix", args[0])
		if err == nil {
			s.world.onClose(l.Close)
		}
		return err
	},
	"stale-socket": func(_ context.Context, _ *script, args []string) error {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: args[0], Net: "unix"})
		if err != nil {
			return err
		}
		l.SetUnlinkOnClose(false)
		return l.Close()
	},
	// as-nobody COMMAND...: as another user
	"as-nobody": func(ctx context.Context, s *script, args []string) error {
		args = append([]string{"--reuid=65534", "--regid=65534", "--clear-groups"}, args...)
		out, err := s.world.run(ctx, "setpriv", args...)
		s.ts.Logf("%s", out)
		return err
	},
	// exitcode CODE COMMAND...: ends with it, and says why in one line and no more than a hint
	"exitcode": func(ctx context.Context, s *script, args []string) error {
		want, err := strconv.Atoi(args[0])
		if err != nil {
			return err
		}
		p, err := s.world.Start(args[1], args[2:]...)
		if err != nil {
			return err
		}
		code, err := p.Wait(ctx)
		if err == nil && code != want {
			err = fmt.Errorf("exit code %d: %s", code, p.Log())
		}
		if err == nil {
			s.ts.Logf("%s", p.Log())
			err = match(`\A(connecting.*\n)?dancectl: .+\n(hint: .+\n)?\z`, p.Log())
		}
		return err
	},
	// fill-disk, free-disk: no room for the profiles, and room again
	"fill-disk": func(ctx context.Context, s *script, _ []string) error { return s.world.FillDisk(ctx, s.app) },
	"free-disk": func(ctx context.Context, s *script, _ []string) error { return s.world.FreeDisk(ctx, s.app) },
	// flip FILE: turns every bit of the byte in its middle
	"flip": func(_ context.Context, s *script, args []string) error {
		file, err := s.one(args[0])
		if err != nil {
			return err
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		b[len(b)/2] ^= 0xff
		return os.WriteFile(file, b, 0o600)
	},
	// sums NAME: remembers every byte of the profiles' folder as $NAME
	"sums": func(ctx context.Context, s *script, args []string) error {
		out, err := s.world.run(ctx, "sh", "-c", `find "$0" -type f ! -name lock ! -name activity -exec sha256sum {} + | sort`, s.world.Data())
		s.ts.Setenv(args[0], out)
		return err
	},
	// same A B
	"same": func(_ context.Context, _ *script, args []string) error {
		if args[0] != args[1] || args[0] == "" {
			return fmt.Errorf("these differ:\n%s\n%s", args[0], args[1])
		}
		return nil
	},
}

func match(pattern, text string) error {
	re, err := regexp.Compile("(?m)" + pattern)
	if err != nil {
		return err
	}
	if !re.MatchString(text) {
		return fmt.Errorf("no match for %q in:\n%s", pattern, text)
	}
	return nil
}

// share gives the World's environment to the script's own commands.
func (s *script) share() {
	for _, v := range s.world.Env {
		name, value, _ := strings.Cut(v, "=")
		s.ts.Setenv(name, value)
	}
	s.ts.Setenv("RUNTIME", s.world.Runtime)
	s.ts.Setenv("SOCKET", s.world.Socket())
	s.ts.Setenv("DATA", s.world.Data())
	s.ts.Setenv("PROVIDERS", s.world.Providers())
}

// one is the only file that a pattern finds below the profiles' folder.
func (s *script) one(pattern string) (string, error) {
	found, err := filepath.Glob(filepath.Join(s.world.Data(), pattern))
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("%s finds %q", pattern, found)
	}
	if err != nil {
		return "", err
	}
	return found[0], nil
}
