package test

import (
	"context"
	"fmt"

	"dancecard/ipc"
)

func (s *script) decide(ctx context.Context, user, button string) error {
	address, err := s.world.Opened(ctx)
	if err != nil {
		return err
	}
	if s.page, err = s.world.Open(ctx, address); err != nil {
		return err
	}
	if err := s.page.SignIn(ctx, user); err != nil {
		return err
	}
	return s.page.Click(ctx, button)
}

// link does without a browser: the provider itself plays the user.
func link(ctx context.Context, s *script, args []string) error {
	if err := dance(ctx, s, []string{"--yes"}); err != nil {
		return err
	}
	if status, body, err := s.provider.Approve(s.ts.Getenv("URL"), args[0]); err != nil || status >= 400 {
		return fmt.Errorf("approving: %d, %w: %s", status, err, body)
	}
	return danced(ctx, s, []string{"0"})
}

func ask(ctx context.Context, s *script, args []string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	clicked := make(chan error, 1)
	if len(args) > 1 {
		go func() { clicked <- s.world.Answer(ctx, "test.test wants to use", args[1]) }()
	} else {
		clicked <- nil
	}
	c := s.world.Client()
	defer c.Close()
	token, err := c.Token(ctx, args[0], ipc.TokenRequest{})
	s.ts.Setenv("TOKEN", token.Bare().Reveal())
	s.ts.Setenv("CODE", string(ipc.CodeOf(err)))
	if err != nil {
		return err
	}
	return <-clicked
}
