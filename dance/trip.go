package dance

import (
	"context"
	"net/url"
	"sync"
	"time"
)

// A trip is the browser's way to the provider and back: the part that the code
// flow and OAuth 1.0a share.
type trip struct {
	link  Link
	state string // comes back in the answer's query
	// address says where the browser is sent, for a redirect URI ("": none). It
	// is asked again for each start address, and may ask the provider.
	address func(ctx context.Context, redirect string) (string, error)
	// judge reads an answer whose state is right; nil: that of the code flow.
	judge func(url.Values) (callback, page, bool)
	// renewable: another trip follows if the provider has forgotten the request.
	renewable bool
}

// arrival is the answer that was taken, with the listener, which still stands
// for the browser's sake.
type arrival struct {
	answer   callback
	redirect string
	close    func()
}

// run opens the browser and waits for the one right answer, which the listener
// takes or the user pastes. Unless it fails, the listener stands until the
// arrival is closed.
func (t trip) run(ctx context.Context, prompt Prompt) (arrival, error) {
	timed, stop := context.WithTimeout(ctx, TimeLimit)
	lb, err := listen(t.link, t.state)
	if err != nil {
		stop()
		return arrival{}, err
	}
	lb.judge, lb.renewable = t.judge, t.renewable
	lb.serve("")
	var opener sync.WaitGroup
	end := func() {
		lb.close()
		stop()
		opener.Wait()
	}
	open := func() error {
		address, err := t.address(timed, lb.redirect)
		if err != nil {
			return err
		}
		lb.lead(address)
		opened := make(chan error, 1)
		start := lb.start()
		opener.Go(func() {
			if prompt.OpenURL != nil {
				opened <- prompt.OpenURL(timed, start)
			}
		})
		announce(timed, prompt, address, opened, lb.taken)
		return nil
	}
	if err = lb.probe(timed); err == nil {
		err = open()
	}
	if err == nil {
		if answer := t.wait(timed, lb, prompt, open); answer.err == nil {
			return arrival{answer: answer, redirect: lb.redirect, close: end}, nil
		} else {
			err = answer.err
		}
	} else {
		err = ended(timed, err)
	}
	lb.expire()
	end()
	return arrival{}, err
}

// wait lasts until something ends the trip.
func (t trip) wait(ctx context.Context, lb *loopback, prompt Prompt, open func() error) callback {
	for {
		select {
		case <-prompt.Again:
			if err := open(); err != nil && prompt.Waiting != nil {
				prompt.Waiting(lb.leads(), err)
			}
		case text := <-prompt.Paste:
			err := lb.paste(text)
			if prompt.Pasted != nil {
				prompt.Pasted(err)
			}
		case answer := <-lb.answers:
			return answer
		case <-ctx.Done():
			return callback{err: ended(ctx, nil)}
		}
	}
}

// announce calls Waiting as soon as it is known whether the browser opened.
func announce(ctx context.Context, prompt Prompt, authorization string, opened <-chan error, taken <-chan struct{}) {
	grace := time.NewTimer(openerGrace)
	defer grace.Stop()
	var failure error
	if prompt.OpenURL != nil {
		select {
		case failure = <-opened:
		case <-grace.C:
		case <-taken:
		case <-ctx.Done():
		}
	}
	if prompt.Waiting != nil {
		prompt.Waiting(authorization, failure)
	}
}
