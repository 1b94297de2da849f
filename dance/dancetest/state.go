package dancetest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// openStore reads the state file if there is one, and says which address the
// provider had then.
func openStore(o Options) (*store, string, error) {
	s := &store{
		file: o.StateFile, lifetime: o.AccessTokenLifetime, grace: o.RefreshGrace,
		requests: map[string]*authRequest{}, codes: map[string]string{},
	}
	if o.StateFile != "" {
		data, err := os.ReadFile(o.StateFile)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, "", fmt.Errorf("dancetest: read the state file: %w", err)
		default:
			if err := json.Unmarshal(data, &s.kept); err != nil {
				return nil, "", fmt.Errorf("dancetest: %s is no state file; delete it to start afresh: %w", o.StateFile, err)
			}
		}
	}
	if err := s.fill(); err != nil {
		return nil, "", err
	}
	return s, s.kept.Addr, nil
}

// fill makes what a first start has not.
func (s *store) fill() error {
	k := &s.kept
	if k.Grants == nil {
		*k = kept{
			Crypto: make([]byte, 32), IntrospectionSecret: rand.Text(),
			Sessions: map[string][]string{}, Grants: map[string]*grant{}, UsedCodes: map[string]string{},
			Access: map[string]*access{}, Refresh: map[string]*refresh{},
		}
		rand.Read(k.Crypto)
	}
	key, err := k.key()
	if err != nil {
		return err
	}
	s.keys = []signingKey{key}
	s.crypto = op.NewAES256GCMCrypto([32]byte(k.Crypto), "dancetest")
	s.dirty = true
	return nil
}

func (k *kept) key() (signingKey, error) {
	if len(k.Key) == 0 {
		return sharedKey()
	}
	key, err := x509.ParsePKCS8PrivateKey(k.Key)
	if err != nil {
		return signingKey{}, fmt.Errorf("dancetest: the state file's signing key: %w", err)
	}
	r, ok := key.(*rsa.PrivateKey)
	if !ok {
		return signingKey{}, errors.New("dancetest: the state file's signing key is not RSA")
	}
	return signingKey{id: k.KeyID, key: r}, nil
}

// save writes the state file if something changed since the last time.
func (s *store) save() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == "" || !s.dirty {
		return nil
	}
	der, err := x509.MarshalPKCS8PrivateKey(s.keys[0].key)
	if err != nil {
		return err
	}
	s.kept.Addr, s.kept.Key, s.kept.KeyID = s.addr, der, s.keys[0].id
	data, err := json.Marshal(&s.kept)
	if err != nil {
		return err
	}
	if err := replaceFile(s.file, data); err != nil {
		return fmt.Errorf("dancetest: write the state file: %w", err)
	}
	s.dirty = false
	return nil
}

// replaceFile leaves the old file or the whole new one, mode 0600.
func replaceFile(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".dancetest-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
