package catalog

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func open(t *testing.T, folder string) *Catalog {
	t.Helper()
	c, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// until waits for changes until done is so.
func until(t *testing.T, c *Catalog, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !done() {
		if !c.Changed(ctx) {
			t.Fatalf("never so: %s; problems: %v", what, c.Problems())
		}
	}
}

func (c *Catalog) named(id, name string) func() bool {
	return func() bool {
		e, ok := c.Get(id)
		return ok && e.Name == name || !ok && name == ""
	}
}

func TestASavedFileAppears(t *testing.T) {
	folder := t.TempDir()
	c := open(t, folder)
	file := write(t, folder, "work.toml", threeLines)
	until(t, c, "it appears", c.named("work", "Work"))
	if e, _ := c.Get("work"); e.BuiltIn || e.File != file {
		t.Errorf("%+v", e)
	}

	write(t, folder, "work.toml", `name = "Office"`+"\n"+`issuer = "https://id.example.com"`)
	until(t, c, "the renamed one", c.named("work", "Office"))

	// Some editors write in place.
	if err := os.WriteFile(file, []byte(threeLines), 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, c, "the one written in place", c.named("work", "Work"))

	write(t, folder, "other.toml", threeLines)
	write(t, folder, "work.toml", "name = \"Office\"\nissuer = \"oops\"\n")
	until(t, c, "it is broken and the other is there", func() bool {
		_, work := c.Get("work")
		_, other := c.Get("other")
		return !work && other
	})
	if p := c.Problems(); len(p) != 1 || p[0].File != file || p[0].Line != 2 || p[0].Fix == "" {
		t.Error(p)
	}

	os.Remove(file)
	until(t, c, "nothing is wrong", func() bool { return len(c.Problems()) == 0 })
}

func TestAFixedModeIsNoticed(t *testing.T) {
	folder := t.TempDir()
	file := write(t, folder, "work.toml", threeLines)
	os.Chmod(file, 0o666)
	c := open(t, folder)
	if len(c.Problems()) != 1 {
		t.Fatal(c.Problems())
	}
	os.Chmod(file, 0o600)
	until(t, c, "it is trusted", c.named("work", "Work"))
}

func TestTheFolderComesLater(t *testing.T) {
	home := t.TempDir()
	folder := filepath.Join(home, "config", "dancecard", "providers")
	c := open(t, folder)
	os.MkdirAll(folder, 0o700)
	write(t, folder, "work.toml", threeLines)
	until(t, c, "it appears", c.named("work", "Work"))

	os.RemoveAll(filepath.Join(home, "config"))
	until(t, c, "it goes with its folder", c.named("work", ""))
	os.MkdirAll(folder, 0o700)
	write(t, folder, "work.toml", threeLines)
	until(t, c, "it is back", c.named("work", "Work"))

	os.Rename(folder, folder+".old")
	os.Mkdir(folder, 0o700)
	write(t, folder, "home.toml", threeLines)
	until(t, c, "the new folder's file", func() bool {
		_, work := c.Get("work")
		_, home := c.Get("home")
		return !work && home
	})
	write(t, folder, "home.toml", "name = \"Home\"\nissuer = \"https://id.example.com\"\n")
	until(t, c, "the new folder is watched", c.named("home", "Home"))
}

// TestTheLastStateWins saves faster than the catalogue reads.
func TestTheLastStateWins(t *testing.T) {
	folder := t.TempDir()
	c := open(t, folder)
	for i := range 300 {
		text := fmt.Sprintf("name = \"Work %d\"\nissuer = \"https://id.example.com\"\n", i)
		write(t, folder, "work.toml", text)
	}
	until(t, c, "the last name", c.named("work", "Work 299"))
}

func TestChanged(t *testing.T) {
	folder := t.TempDir()
	c := open(t, folder)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c.Changed(ctx) {
		t.Error("a change was reported before there was one")
	}
	write(t, folder, "work.toml", threeLines)
	until(t, c, "it appears", c.named("work", "Work"))
	for c.Changed(ctx) { // what was not yet reported
	}
	waiting := make(chan bool)
	go func() { waiting <- c.Changed(context.Background()) }()
	c.Close()
	if <-waiting {
		t.Error("Close was reported as a change")
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
