package accounts

import (
	"bytes"
	"encoding/json"
	"strings"

	"dancecard/internal/secret"
)

// clientFileLimit is the most that a client file may have.
const clientFileLimit = 64 << 10

// clientFile is what providers let people download: Google's
// client_secret.json, or the two values by their names of RFC 7591.
type clientFile struct {
	Installed *clientValues `json:"installed"`
	Web       *clientValues `json:"web"`
	Type      string        `json:"type"`
	clientValues
}

type clientValues struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// ReadClientFile reads the file of a registration: Google's
// client_secret.json ("installed" or "web"), or a plain object with client_id
// and client_secret. The error says what is wrong with the file, in words.
func ReadClientFile(data []byte) (clientID string, clientSecret secret.String, err error) {
	bad := func(text string) (string, secret.String, error) {
		return "", secret.String{}, &Error{Code: CodeBadRequest, Text: text,
			Hint: "Download the JSON file of an OAuth client id from the provider's page, or enter id and secret by hand."}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	var f clientFile
	switch {
	case len(data) > clientFileLimit:
		return bad("That file is too large for a registration.")
	case json.Unmarshal(data, &f) != nil:
		return bad("That file is not the JSON of a registration.")
	case f.Type == "service_account":
		return bad("That is the key of a service account, which signs in nobody.")
	}
	c := f.clientValues
	switch {
	case f.Installed != nil:
		c = *f.Installed
	case f.Web != nil:
		c = *f.Web
	}
	id := strings.TrimSpace(c.ClientID)
	switch {
	case id == "":
		return bad("There is no client_id in that file.")
	case len(id) > 512 || strings.ContainsFunc(id, notVisible):
		return bad("The client_id in that file is none.")
	case len(c.ClientSecret) > 4<<10 || strings.ContainsFunc(c.ClientSecret, notVisible):
		return bad("The client_secret in that file is none.")
	}
	return id, secret.New(c.ClientSecret), nil
}
