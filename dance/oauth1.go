package dance

import (
	"net/http"
)

func (l Link) sign1(r Registration, t Token, req *http.Request) (*http.Request, error) {
	panic("contract")
}
