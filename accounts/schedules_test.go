package accounts

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dancecard/dance"
	"dancecard/internal/secret"
	"dancecard/vault"
)

var (
	schedules = flag.Int("schedules", 60, "how many schedules of crash, delay and clock TestR29 runs")
	fromSeed  = flag.Uint64("seed", 1, "the first schedule's seed")
)

// TestR29SchedulesOfCrashDelayAndClock runs a real Book on a real folder, in a
// bubble where hours take no time, against a provider that rotates refresh
// tokens, loses answers and fails in many ways, while the program crashes, the
// profile locks, the machine sleeps and the clock is set. A seed decides all.
func TestR29SchedulesOfCrashDelayAndClock(t *testing.T) { // beside no other test: it has a clock of its own
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	m := &model{}
	server := httptest.NewServer(m)
	defer server.Close()
	base, key, profile := emptyProfile(t)
	defer func(f func() time.Duration) { bootClock = f }(bootClock)
	for n := range uint64(*schedules) {
		seed := *fromSeed + n
		dir := filepath.Join(memoryDir(t), "s")
		m.reset(seed)
		synctest.Test(t, func(t *testing.T) {
			s := &story{t: t, m: m, url: server.URL, key: key, profile: profile, dir: dir, epoch: time.Now(),
				dice: rand.New(rand.NewPCG(seed, 29))}
			bootClock = func() time.Duration {
				m.tick(time.Since(s.epoch) + s.slept)
				return time.Hour + time.Since(s.epoch) + s.slept
			}
			s.run(base)
		})
		os.RemoveAll(dir)
	}
}

// memoryDir is a folder where a sync takes no time, where there is one: what a
// disk does to a file is the vault's tests'.
func memoryDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "dancecard")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// emptyProfile is the folder of a Book with one profile.
func emptyProfile(t *testing.T) (dir string, key secret.String, profile string) {
	t.Helper()
	dir = filepath.Join(memoryDir(t), "base")
	b, err := Open(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	profile, key, err = b.CreateProfile(t.Context(), NewProfile{Name: "Home"})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, key, profile
}

// family is the refresh tokens of one account at the model.
type family struct {
	tokens   map[string]time.Duration // when each was spent; 0: not yet
	newest   string
	dead     bool
	issued   int
	asked    int
	faults   int // in a row
	refusals int // invalid_grant
	access   map[string]time.Duration
}

const (
	modelFaults = 3 // in a row, at most
)

// model is a provider whose refresh tokens rotate. It runs outside the bubble.
type model struct {
	mu       sync.Mutex // guards the fields that follow
	seed     uint64
	grace    time.Duration
	life     time.Duration // of an access token
	now      time.Duration // by the bubble's clock, sleep included
	families map[string]*family
	calm     bool     // every answer is right and arrives
	down     bool     // nothing reaches it: the program is gone
	gate     *os.File // the next answer waits for its end
	arrived  *os.File
}

func (m *model) reset(seed uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dice := rand.New(rand.NewPCG(seed, 0))
	m.seed, m.now, m.calm, m.down, m.gate = seed, 0, false, false, nil
	m.grace = []time.Duration{0, 15 * time.Minute, time.Hour}[dice.IntN(3)]
	m.life = []time.Duration{10 * time.Minute, time.Hour, 8 * time.Hour}[dice.IntN(3)]
	m.families = map[string]*family{}
	for _, name := range []string{"a", "b"} {
		f := &family{tokens: map[string]time.Duration{}, access: map[string]time.Duration{}}
		m.families[name] = f
		f.issue(name, m.life)
	}
}

func (m *model) tick(now time.Duration) {
	m.mu.Lock()
	m.now = max(m.now, now)
	m.mu.Unlock()
}

func (f *family) issue(name string, until time.Duration) (access, refresh string) {
	f.issued++
	access, refresh = fmt.Sprintf("access-%s-%d", name, f.issued), fmt.Sprintf("refresh-%s-%d", name, f.issued)
	f.tokens[refresh], f.newest, f.access[access] = 0, refresh, until
	return access, refresh
}

// usable is the rule of rotation: a spent token works within the grace, and
// its replay after that ends the family.
func (m *model) usable(f *family, token string) bool {
	spent, known := f.tokens[token]
	if !known || f.dead || spent != 0 && m.now-spent > m.grace {
		f.dead = true
		return false
	}
	return true
}

// fates of a request, by how often each is drawn.
var fates = []string{"ok", "ok", "ok", "ok", "ok", "ok", "never arrives", "answer lost", "answer lost", "half an answer",
	"503", "429", "captive portal", "odd answer", "no refresh token", "no expiry"}

func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	name := strings.Trim(r.URL.Path, "/")
	m.mu.Lock()
	f := m.families[name]
	f.asked++
	fate := fates[rand.New(rand.NewPCG(m.seed, uint64(name[0])<<32+uint64(f.asked))).IntN(len(fates))]
	if m.calm || f.faults >= modelFaults {
		fate = "ok"
	}
	if m.down {
		fate = "never arrives"
	}
	gate, bell := m.gate, m.arrived
	if gate != nil {
		fate = "ok"
	}
	m.gate = nil
	f.faults++
	if fate == "ok" || fate == "no refresh token" || fate == "no expiry" {
		f.faults = 0
	}
	refused := f.refusals
	body := m.answerLocked(w, f, name, fate, r.Form.Get("refresh_token"))
	if f.refusals > refused { // a no arrives whole
		fate = "ok"
	}
	m.mu.Unlock()
	if gate != nil {
		bell.Write([]byte{1})
		gate.Read(make([]byte, 1))
		gate.Close()
		m.mu.Lock()
		gone := m.down
		if gone {
			f.refusals = refused // nobody heard it
		}
		m.mu.Unlock()
		if gone {
			panic(http.ErrAbortHandler)
		}
	}
	switch {
	case body == nil:
		panic(http.ErrAbortHandler)
	case fate == "half an answer":
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.Write(body[:20])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	w.Write(body)
}

// answerLocked does the provider's work; nil: there is no answer.
func (m *model) answerLocked(w http.ResponseWriter, f *family, name, fate, token string) []byte {
	switch fate {
	case "never arrives":
		return nil
	case "503":
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
		return []byte("down")
	case "429":
		w.WriteHeader(http.StatusTooManyRequests)
		return []byte(`{"error":"slow_down"}`)
	case "captive portal":
		w.Header().Set("Content-Type", "text/html")
		return []byte("<!doctype html><title>Welcome</title>")
	}
	w.Header().Set("Content-Type", "application/json")
	if !m.usable(f, token) {
		f.refusals++
		w.WriteHeader(http.StatusBadRequest)
		return []byte(`{"error":"invalid_grant"}`)
	}
	answer := map[string]any{"token_type": "Bearer", "expires_in": int(m.life.Seconds())}
	if fate == "no refresh token" && token == f.newest {
		f.issued++
		access := fmt.Sprintf("access-%s-%d", name, f.issued)
		f.access[access], answer["access_token"] = m.now+m.life, access
	} else {
		if f.tokens[token] == 0 {
			f.tokens[token] = max(m.now, 1)
		}
		answer["access_token"], answer["refresh_token"] = f.issue(name, m.now+m.life)
	}
	body, _ := json.Marshal(answer)
	switch fate {
	case "answer lost":
		return nil
	case "no expiry":
		delete(answer, "expires_in")
		f.access[answer["access_token"].(string)] = 1 << 62 // as far as anybody knows
		body, _ = json.Marshal(answer)
	case "odd answer":
		body = append(body[:len(body)-1], `,"access_token":"twice"}`...)
	}
	return body
}

// story is one schedule under way.
type story struct {
	t         *testing.T
	m         *model
	url       string
	key       secret.String
	profile   string
	dir       string // of the Book that runs
	lives     int    // how often the program was started
	epoch     time.Time
	slept     time.Duration // of sleep that the monotonic clock does not know
	skewed    bool          // the clock was set: a stored token's age cannot be known
	dice      *rand.Rand
	book      *Book
	happening []string
}

func (s *story) run(base string) {
	s.dir = s.next(base)
	s.link()
	s.start()
	defer func() {
		s.book.Close()
		if s.t.Failed() {
			s.t.Logf("seed %d fails: go test ./accounts -run TestR29 -schedules 1 -seed %d\ngrace %v, life %v: %s", s.m.seed, s.m.seed, s.m.grace, s.m.life, strings.Join(s.happening, ", "))
		}
	}()
	steps := map[string]func(){"wait": s.wait, "ask": s.ask, "crash": s.crash, "crash in a refresh": s.crashRefreshing,
		"lock": s.lock, "lock in a refresh": s.lockRefreshing, "sleep": s.sleep, "set clock": s.setClock}
	order := []string{"wait", "wait", "wait", "ask", "ask", "crash", "crash in a refresh", "lock", "lock in a refresh", "sleep", "set clock"}
	for range 10 {
		name := order[s.dice.IntN(len(order))]
		s.happening = append(s.happening, fmt.Sprintf("%s at %v", name, time.Since(s.epoch).Round(time.Second)))
		steps[name]()
		s.judge()
	}
	s.m.mu.Lock()
	s.m.calm = true
	s.m.mu.Unlock()
	time.Sleep(time.Hour)
	s.settled()
}

// next copies a Book's folder as it is now.
func (s *story) next(from string) string {
	s.lives++
	to := fmt.Sprintf("%s.%d", s.dir, s.lives)
	s.t.Cleanup(func() { os.RemoveAll(to) })
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		s.t.Fatal(err)
	}
	filepath.WalkDir(to, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return os.Chmod(path, 0o600)
	})
	return to
}

// onDisk opens the vault of the folder dir.
func (s *story) onDisk(dir string, do func(*vault.Vault)) {
	folder, err := vault.Claim(filepath.Join(dir, "profiles", s.profile))
	if err != nil {
		s.t.Fatal(err)
	}
	defer folder.Close()
	way, err := vault.RecoveryKey(s.key)
	if err != nil {
		s.t.Fatal(err)
	}
	v, err := folder.Open(s.t.Context(), way)
	if err != nil {
		s.t.Fatal(err)
	}
	defer v.Close()
	do(v)
}

// link puts the two accounts into the vault.
func (s *story) link() {
	s.onDisk(s.dir, func(v *vault.Vault) {
		for name, f := range s.m.families {
			link := dance.Link{Provider: dance.Provider{ID: "model", Name: "Model"}, ClientID: "c"}
			link.Provider.Endpoints.Token = s.url + "/" + name
			record := accountRecord{ID: name, Provider: "model", Issuer: s.url, Subject: name, Label: name, Linked: time.Now(), Link: link}
			token := tokenRecord{Access: fmt.Sprintf("access-%s-%d", name, f.issued), Refresh: f.newest, Type: "Bearer", Issued: time.Now(), Expiry: time.Now().Add(s.m.life)}
			grant := grantRecord{ID: "g" + name, App: testApp, Account: name, Allow: true, Made: time.Now()}
			if err := v.Commit(put(keyAccount+name, record), put(keyToken+name, token), put(keyGrant+grant.ID, grant)); err != nil {
				s.t.Fatal(err)
			}
		}
	})
}

func (s *story) start() {
	s.m.mu.Lock()
	s.m.down = false
	s.m.mu.Unlock()
	b, err := Open(s.t.Context(), Options{Dir: s.dir})
	if err != nil {
		s.t.Fatal(err)
	}
	s.book = b
	s.unlock()
}

func (s *story) unlock() {
	s.skewed = s.skewed || s.slept > 0 // the bubble's wall clock did not go on in sleep
	if err := s.book.Unlock(s.t.Context(), "", WayRecovery, s.key); err != nil {
		s.t.Fatal(err)
	}
}

func (s *story) wait() { time.Sleep(time.Duration(s.dice.IntN(20*60)) * time.Second) }

func (s *story) lock() {
	if err := s.book.Lock("", LockScreen); err != nil {
		s.t.Fatal(err)
	}
	time.Sleep(time.Duration(s.dice.IntN(60)) * time.Second)
	s.unlock()
}

// ask is an app that wants a token.
func (s *story) ask() {
	for _, name := range []string{"a", "b"} {
		h, err := s.book.Token(s.t.Context(), testApp, name, Want{MinValid: time.Duration(s.dice.IntN(5)) * time.Minute})
		if err != nil {
			continue
		}
		s.m.mu.Lock()
		until, known := s.m.families[name].access[h.Token.Reveal()]
		now := time.Since(s.epoch) + s.slept
		s.m.mu.Unlock()
		if !known || !s.skewed && until < now {
			s.t.Errorf("an app got a token that ended %v ago", now-until)
		}
	}
}

// crash ends the program, as it is on the disk, and starts it after a while.
func (s *story) crash() {
	synctest.Wait() // what happens in the middle of a refresh is crashRefreshing's
	s.after(s.next(s.dir))
}

func (s *story) after(image string) {
	s.m.mu.Lock()
	s.m.down = true
	s.m.mu.Unlock()
	s.book.Close()
	s.dir = image
	time.Sleep(time.Duration(s.dice.IntN(60)) * time.Second)
	s.start()
}

// refreshing begins a refresh whose answer is held; there is none if open is nil.
func (s *story) refreshing() (open func(), done chan struct{}) {
	bell, ring, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	defer bell.Close()
	gate, opener, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	s.m.mu.Lock()
	s.m.gate, s.m.arrived = gate, ring
	s.m.mu.Unlock()
	done = make(chan struct{})
	name := []string{"a", "b"}[s.dice.IntN(2)]
	go func() { defer close(done); s.book.Refresh(s.t.Context(), name); ring.Close() }()
	if n, _ := bell.Read(make([]byte, 1)); n == 0 { // it ended without a request
		s.m.mu.Lock()
		s.m.gate = nil
		s.m.mu.Unlock()
		gate.Close()
		opener.Close()
		<-done
		return nil, nil
	}
	return func() { opener.Close() }, done
}

func (s *story) lockRefreshing() {
	open, done := s.refreshing()
	if open == nil {
		return
	}
	if err := s.book.Lock("", LockScreen); err != nil {
		s.t.Fatal(err)
	}
	open()
	<-done
	s.unlock()
}

// crashRefreshing ends the program when the provider has rotated: before the
// answer, or after it with the new token stored.
func (s *story) crashRefreshing() {
	open, done := s.refreshing()
	if open == nil {
		return
	}
	if s.dice.IntN(2) == 0 {
		image := s.next(s.dir)
		s.m.mu.Lock()
		s.m.down = true
		s.m.mu.Unlock()
		open()
		<-done
		s.after(image)
		return
	}
	open()
	<-done
	s.after(s.next(s.dir))
}

// sleep suspends the machine: the boot-time clock alone goes on.
func (s *story) sleep() {
	synctest.Wait()
	s.book.mu.Lock()
	for _, a := range s.book.profiles[s.profile].accounts {
		s.skewed = s.skewed || a.facts.Boot == 0 // as in unlock
	}
	s.book.mu.Unlock()
	s.slept += time.Duration(s.dice.IntN(240)) * time.Second
	s.book.poke()
}

// setClock restarts the program with a clock that was set: as the stored tokens
// see it, by rewriting when they came.
func (s *story) setClock() {
	jump := []time.Duration{time.Hour, -time.Hour, 87600 * time.Hour, -87600 * time.Hour}[s.dice.IntN(4)]
	s.skewed = true
	s.m.mu.Lock()
	s.m.down = true
	s.m.mu.Unlock()
	if err := s.book.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.onDisk(s.dir, func(v *vault.Vault) {
		for name := range s.m.families {
			t, _, err := load[tokenRecord](v, keyToken+name)
			if err != nil {
				s.t.Fatal(err)
			}
			t.Issued = t.Issued.Add(-jump)
			if !t.Expiry.IsZero() {
				t.Expiry = t.Expiry.Add(-jump)
			}
			if err := v.Commit(put(keyToken+name, t)); err != nil {
				s.t.Fatal(err)
			}
		}
	})
	s.start()
}

// judge holds the model's books against the program's.
func (s *story) judge() {
	synctest.Wait()
	stored := s.stored()
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	for name, f := range s.m.families {
		refresh := stored[name].Refresh
		spent, known := f.tokens[refresh]
		switch {
		case !known:
			s.t.Errorf("%s: the stored token is none of the provider's", name)
		case f.refusals > 1:
			s.t.Errorf("%s: refused %d times: it goes on after the provider's no", name, f.refusals)
		case s.m.grace > 0 && !f.dead && spent != 0 && s.m.now-spent > s.m.grace:
			s.t.Errorf("%s: the stored token is %s, spent %v ago; the newest is %s", name, refresh, s.m.now-spent, f.newest)
		case s.m.grace > 0 && f.refusals > 0:
			s.t.Errorf("%s needs the user, with a grace of %v", name, s.m.grace)
		}
		if most := 40 + 20*int(time.Since(s.epoch)/time.Hour+1); f.asked > most {
			s.t.Errorf("%s: %d requests in %v", name, f.asked, time.Since(s.epoch))
		}
	}
}

// settled is after an hour without faults: all is well, or, where the provider
// has no grace, an account waits for the user, once.
func (s *story) settled() {
	s.judge()
	for name, t := range s.stored() {
		f := s.m.families[name]
		a, _ := s.book.Snapshot().Account(name)
		switch {
		case a.Status.NeedsUser() && f.refusals == 1 && s.m.grace == 0:
		case a.Status.NeedsUser() || a.Status == Offline:
			s.t.Errorf("%s is at %s: %s (%d refusals, grace %v)", name, a.Status, a.Why, f.refusals, s.m.grace)
		case t.Refresh != f.newest:
			s.t.Errorf("%s: the stored token is %s and not the newest, %s", name, t.Refresh, f.newest)
		}
	}
}

// stored are the tokens in the open vault.
func (s *story) stored() map[string]tokenRecord {
	_, v, err := s.book.openProfile()
	if err != nil {
		s.t.Fatal(err)
	}
	stored := map[string]tokenRecord{}
	for name := range s.m.families {
		if stored[name], _, err = load[tokenRecord](v, keyToken+name); err != nil {
			s.t.Fatal(err)
		}
	}
	return stored
}
