package ui

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/storage"

	"dancecard/accounts"
	"dancecard/internal/secret"
)

// pair is the key pair that a registration for OAuth 1.0a with RSA-SHA1 needs.
type pair struct {
	private secret.String // PEM
	public  string        // PEM, of a key that was made here
	words   string        // how it stands with the key
	file    string        // what became of a dropped client file
}

// makePair makes an RSA key of 2048 bits.
func makePair() (pair, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return pair{}, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return pair{}, err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return pair{}, err
	}
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return pair{private: secret.New(block("PRIVATE KEY", private)), public: block("PUBLIC KEY", public),
		words: "A key was made here. The public half goes to the page above."}, nil
}

// readPair reads a private RSA key in PEM.
func readPair(data []byte, name string) (pair, error) {
	bad := errors.New("This is not a private RSA key in PEM. Choose another file, or make a key.")
	block, _ := pem.Decode(data)
	if block == nil {
		return pair{}, bad
	}
	if _, err := x509.ParsePKCS1PrivateKey(block.Bytes); err != nil {
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if _, ok := key.(*rsa.PrivateKey); err != nil || !ok {
			return pair{}, bad
		}
	}
	return pair{private: secret.New(string(pem.EncodeToMemory(block))), words: "The key comes from " + name + "."}, nil
}

// keyStep asks for the key pair.
func (f *registerForm) keyStep() fyne.CanvasObject {
	u, s := f.u, f.s
	mk := newButton("Make a key", "key", outlined, func() {
		made, err := makePair()
		if err != nil {
			made = pair{words: "No key could be made: " + err.Error() + "."}
		}
		u.nav.pair = made
		u.win.render()
	})
	from := newButton("Choose a key file", "", outlined, u.chooseClientFile)
	how := newPara(s.KeyWords, 2, styleCaption, colInk2)
	parts := []fyne.CanvasObject{spread(mk, from), how}
	if s.PublicKey != "" {
		parts = append(parts, copyRow(readOnly(strings.Join(strings.Fields(s.PublicKey), " "), cutMiddle), u.copyButton("public", "Copy public key", s.PublicKey, false)))
	}
	return stepBlock("Give "+s.Name+" a public key", parts...)
}

// fileLimit is the largest file that is looked at: a client's file has a few
// hundred bytes.
const fileLimit = 64 << 10

// dropped takes a file that was dropped on the window.
func (u *UI) dropped(_ fyne.Position, files []fyne.URI) {
	if u.nav.page != pageRegister || len(files) == 0 {
		return
	}
	r, err := storage.Reader(files[0])
	if err != nil {
		u.fileSays("That file cannot be read. Drop another, or")
		return
	}
	u.takeFile(r)
}

// chooseClientFile shows a dialog with the files.
func (u *UI) chooseClientFile() {
	d := dialog.NewFileOpen(func(r fyne.URIReadCloser, err error) {
		if err == nil && r != nil {
			u.takeFile(r)
		}
	}, u.win.w)
	d.SetFilter(storage.NewExtensionFileFilter([]string{".json", ".pem", ".key"}))
	d.SetOnClosed(func() { u.chooser = nil })
	u.chooser = d
	d.Show()
	d.Resize(fyne.NewSize(640, 420))
}

// closeChooser puts the dialog with the files away; it reports whether there was one.
func (u *UI) closeChooser() bool {
	if u.chooser == nil {
		return false
	}
	u.chooser.Hide()
	u.chooser = nil
	return true
}

// takeFile fills the fields from a client's file, or takes a private key.
func (u *UI) takeFile(r fyne.URIReadCloser) {
	defer r.Close()
	st, ok := registerOf(u.last, u.nav.before(), u.browsers)
	if !ok || !st.NeedsKey {
		return
	}
	data, err := io.ReadAll(io.LimitReader(r, fileLimit))
	defer clear(data)
	if err != nil {
		u.fileSays("That file cannot be read. Drop another, or")
		return
	}
	name := clean(r.URI().Name())
	if st.RSA && strings.Contains(string(data), "PRIVATE KEY") {
		p, err := readPair(data, name)
		if err != nil {
			p.words = err.Error()
		}
		u.nav.pair = p
		u.win.render()
		return
	}
	id, hidden, err := accounts.ReadClientFile(data)
	if err != nil {
		n := problemOf(err)
		u.nav.notice = &n
		u.win.render()
		return
	}
	u.nav.entry("client", "Application ID", false).SetText(id)
	u.nav.entry("secret", "Secret", true).SetText(hidden.Reveal())
	u.fileSays("Filled in from " + brief(name, 24) + ". Another file: drop it, or")
}

func (u *UI) fileSays(words string) {
	u.nav.pair.file = words
	u.win.render()
}
