package dance

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// noCanary looks for the planted word in an error, in each spelling that a
// careless wrapper would leave it in.
func noCanary(t *testing.T, err error) {
	t.Helper()
	text := fmt.Sprintf("%v %+v %s", err, err, err)
	const word = "canary"
	spellings := []string{word, url.QueryEscape(word), "%63anary"}
	for cut := range 3 { // base64 of a text depends on where in it the word begins
		coded := base64.StdEncoding.EncodeToString([]byte("xx"[:cut] + word + "x"))
		spellings = append(spellings, coded[4:len(coded)-4])
	}
	for _, s := range spellings {
		if strings.Contains(strings.ToLower(text), strings.ToLower(s)) {
			t.Errorf("%q is in %q", s, text)
		}
	}
}
