package accounts

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"dancecard/vault"
)

// account is a linked account of an open profile: its record and the facts
// from which its status follows. It holds no token; those stay in the vault.
// Guarded by Book.mu.
type account struct {
	accountRecord
	facts  facts
	hash   string          // SHA-256 of the access token, hex
	hashes map[string]bool // of tokens handed out before; they are stale, not bad
	extra  map[string]string
	signed bool         // its tokens need signing: they are not handed out
	held   *tokenRecord // an answer that the disk has not taken yet

	lastTry   time.Time
	rejected  time.Time // when an app last said that the token was refused
	failures  int       // transient ones in a row
	leaving   bool      // being disconnected: no new refresh
	usedSince bool      // LastUsed is newer than what the vault has
}

// facts are what an account's status is a pure function of.
type facts struct {
	Trouble    *trouble
	DeadClient string // why the registration is dead; "" if it lives
	Refreshing bool
	InDoubt    bool   // an earlier run may have spent the refresh token
	Offline    string // why the last refresh failed for now; ""
	OfflineAt  time.Time
	Answered   bool // the provider itself failed: apps wait until NextTry
	NextTry    time.Time
	Issued     time.Time
	Expiry     time.Time // zero: does not expire
	Refreshes  bool
	Boot       time.Duration // boot-time tick at which the token came; 0: not in this run
}

// moment is a reading of both clocks.
type moment struct {
	wall time.Time
	boot time.Duration
}

func readClocks() moment { return moment{time.Now(), bootClock()} }

var bootClock = bootTime // the tests' own in a bubble of time

// remaining is how long the access token is still good: by the boot-time
// clock, which neither stops in sleep nor is ever set, if the token came in
// this run; else by the wall clock. forever is true where no expiry is known.
func (f facts) remaining(now moment) (left time.Duration, forever bool) {
	if f.Expiry.IsZero() {
		return 0, true
	}
	if f.Boot != 0 {
		return f.Expiry.Sub(f.Issued) - (now.boot - f.Boot), false
	}
	left = f.Expiry.Sub(now.wall)
	if life := f.Expiry.Sub(f.Issued); left > life+clockSlack {
		// The clock stands before the token came, so it says nothing of its age.
		if left = life; f.Refreshes {
			left = 0
		}
	}
	return left, false
}

// clockSlack is how far a clock may be set back without being called wrong.
const clockSlack = time.Minute

// ahead is how long before its end a token of this life is refreshed.
func ahead(life time.Duration) time.Duration {
	return min(life/4, 5*time.Minute)
}

// expiringSoon is when the window begins to speak of the end.
const expiringSoon = 15 * time.Minute

// status computes how an account stands, why, and since when.
func (f facts) status(now moment) (s Status, why string, since time.Time) {
	left, forever := f.remaining(now)
	switch {
	case f.DeadClient != "":
		return NeedsRegistration, f.DeadClient, f.OfflineAt
	case f.Trouble != nil:
		return f.Trouble.Status, f.Trouble.Why, f.Trouble.Since
	case f.Refreshing:
		return Refreshing, "", f.Issued
	case f.Offline != "":
		return Offline, f.Offline, f.OfflineAt
	case !forever && left <= 0 && !f.Refreshes:
		return NeedsSignIn, "Its token ran out, and it came without a refresh token.", f.Expiry
	case !forever && left <= expiringSoon && (left <= ahead(f.Expiry.Sub(f.Issued)) || f.Expiry.Sub(f.Issued) > expiringSoon):
		return Expiring, "", f.Issued
	}
	return Ready, "", f.Issued
}

// dueAt is when the account wants a refresh by itself; never is false then.
func (f facts) dueAt(now moment, jitter float64) (due time.Time, ever bool) {
	left, forever := f.remaining(now)
	switch {
	case f.Trouble != nil || f.DeadClient != "" || f.Refreshing || !f.Refreshes:
		return time.Time{}, false
	case f.Offline != "":
		return f.NextTry, true
	case f.InDoubt:
		return now.wall, true
	case forever:
		return time.Time{}, false
	}
	early := ahead(f.Expiry.Sub(f.Issued))
	return now.wall.Add(left - early + time.Duration(jitter*float64(early)/4)), true
}

func newAccount(r accountRecord, t tokenRecord) *account {
	a := &account{accountRecord: r, hashes: map[string]bool{}}
	a.facts.Trouble, a.facts.InDoubt = r.Trouble, !r.Sent.IsZero()
	a.take(t)
	return a
}

// take notes what a token record says, and nothing secret of it.
func (a *account) take(t tokenRecord) {
	if a.hash != "" {
		if len(a.hashes) > 64 {
			clear(a.hashes)
		}
		a.hashes[a.hash] = true
	}
	a.hash = tokenHash(t.Access)
	a.extra = t.Extra
	a.signed = t.Type == "DPoP" || t.Type == "OAuth"
	a.facts.Issued, a.facts.Expiry = t.Issued, t.Expiry
	a.facts.Refreshes = t.Refresh != ""
	a.facts.Boot = 0
}

// tokenHash names a token to whoever holds it already.
func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// contents is what an open vault holds, without the tokens.
type contents struct {
	accounts      map[string]*account
	registrations map[string]registrationRecord
	grants        map[string]*Grant
	revocations   map[string]*revocation
}

func readContents(v *vault.Vault) (contents, error) {
	c := contents{map[string]*account{}, map[string]registrationRecord{}, map[string]*Grant{}, map[string]*revocation{}}
	registrations, err := loadAll[registrationRecord](v, keyRegistration)
	if err != nil {
		return c, err
	}
	for _, r := range registrations {
		c.registrations[r.ID] = r
	}
	records, err := loadAll[accountRecord](v, keyAccount)
	if err != nil {
		return c, err
	}
	for _, r := range records {
		t, _, err := load[tokenRecord](v, keyToken+r.ID)
		if err != nil {
			return c, err
		}
		c.accounts[r.ID] = newAccount(r, t)
		if r.Trouble == nil || !r.Trouble.Replaced {
			c.accounts[r.ID].facts.DeadClient = c.registrations[r.Registration].Dead
		}
	}
	grants, err := loadAll[grantRecord](v, keyGrant)
	if err != nil {
		return c, err
	}
	for _, g := range grants {
		c.grants[g.ID] = (*Grant)(&g)
	}
	revocations, err := loadAll[revocationRecord](v, keyRevocation)
	if err != nil {
		return c, err
	}
	for _, r := range revocations {
		c.revocations[r.ID] = &revocation{revocationRecord: r}
	}
	return c, nil
}
