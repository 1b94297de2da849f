package accounts

import (
	"encoding/json"

	"dancecard/vault"
)

// arrivalChanges is what one inbox item changes in the vault. An item about
// an account that is gone changes nothing.
func arrivalChanges(v *vault.Vault, item []byte) ([]vault.Change, error) {
	defer clear(item)
	var in arrival
	if err := json.Unmarshal(item, &in); err != nil {
		return nil, err
	}
	if in.Revoked != "" {
		return []vault.Change{remove(keyRevocation + in.Revoked)}, nil
	}
	record, found, err := load[accountRecord](v, keyAccount+in.Account)
	if err != nil || !found {
		return nil, err
	}
	record.Trouble = in.Trouble
	changes := []vault.Change{put(keyAccount+in.Account, record)}
	if in.Token != nil {
		changes = append(changes, put(keyToken+in.Account, *in.Token))
	}
	return changes, nil
}
