//go:build !unix

package vault

import (
	"errors"
	"os"
)

const lockFile = "lock"

// errSystem is honest: the folder's safety is checked with Unix calls alone.
var errSystem = errors.New("profiles cannot be kept on this system yet; use Linux, macOS or a BSD")

func openDisk(string) (*disk, error)               { return nil, errSystem }
func (d *disk) open(string, int) (*os.File, error) { return nil, errSystem }
func (d *disk) check(string) error                 { return errSystem }
func (d *disk) lstat(string) (struct{}, error)     { return struct{}{}, errSystem }
func (d *disk) same(string, *os.File, int64) bool  { return false }
func (d *disk) sub(string) (*disk, error)          { return nil, errSystem }
func (d *disk) rename(string, string) error        { return errSystem }
func (d *disk) remove(string) error                { return errSystem }
func (d *disk) list() ([]string, error)            { return nil, errSystem }
func (d *disk) claim() (*os.File, error)           { return nil, errSystem }
func (d *disk) release(*os.File) error             { return errSystem }
func (d *disk) makeSub(string) (*disk, error)      { return nil, errSystem }
