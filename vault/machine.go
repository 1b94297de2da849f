package vault

import (
	"bytes"
	"crypto/sha256"
	"os"
)

const machineKey = "\x00machine"

// testOnlyMachine stands for the machine's id in this package's tests.
var testOnlyMachine string

// machineHash tells this machine from others, without its id. It is empty where
// the system gives none. It stays the same when the vault is re-keyed.
func machineHash(k *keys) []byte {
	id := []byte(testOnlyMachine)
	if testOnlyMachine == "" {
		id, _ = os.ReadFile("/etc/machine-id") // machine-id(5)
		id = bytes.TrimSpace(id)
	}
	if len(id) == 0 {
		return []byte{}
	}
	sum := sha256.Sum256(append(append([]byte("dancecard machine "), k.vault[:]...), id...))
	return sum[:]
}
