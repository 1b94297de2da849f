package accounts

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// replaceFile writes a small file so that a crash leaves the old or the new one.
func replaceFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// bury erases a profile's folder and card. The rename is what deletes it: what
// a crash leaves after it is finished by the next start.
func bury(dir, card string, letGo func() error) error {
	if err := os.Rename(dir, dir+deletedSuffix); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	err := syncFolder(filepath.Dir(dir))
	letGo()
	if err != nil {
		return errors.Join(err, os.Rename(dir+deletedSuffix, dir))
	}
	finishBurial(dir, card)
	return nil
}

// finishBurial removes what is left of a deleted profile, its marked folder last.
func finishBurial(dir, card string) {
	if err := os.Remove(card); err != nil && !errors.Is(err, os.ErrNotExist) {
		return // the next start tries again
	}
	if syncFolder(filepath.Dir(card)) != nil {
		return
	}
	os.RemoveAll(dir + deletedSuffix)
	syncFolder(filepath.Dir(dir))
}

// finishBurials removes what deletions left that a crash cut off.
func (b *Book) finishBurials() {
	marked, _ := filepath.Glob(filepath.Join(b.opts.Dir, "profiles", "*"+deletedSuffix))
	for _, path := range marked {
		dir := strings.TrimSuffix(path, deletedSuffix)
		if profileID.MatchString(filepath.Base(dir)) {
			finishBurial(dir, dir+".json")
		}
	}
}

func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
