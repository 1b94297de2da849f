package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/oauth2"

	"dancecard/ipc"
)

// A program on x/oauth2 changes one line.
func ExampleClient_TokenSource() {
	var dancecard ipc.Client
	api := oauth2.NewClient(context.Background(), dancecard.TokenSource("github"))
	res, err := api.Get("https://api.github.com/user")
	if err != nil {
		fmt.Println(err)
		return
	}
	res.Body.Close()
}

func ExampleClient_Token() {
	var dancecard ipc.Client
	defer dancecard.Close()
	token, err := dancecard.Token(context.Background(), "github:mira-o", ipc.TokenRequest{MinValid: 300})
	if e, ok := errors.AsType[*ipc.Error](err); ok && e.Code == ipc.CodeNeedsSignIn {
		fmt.Println(e.Hint)
		return
	} else if err != nil {
		fmt.Println(err)
		return
	}
	req, _ := http.NewRequest(http.MethodGet, "https://api.github.com/user", nil)
	req.Header.Set("Authorization", token.TokenType+" "+token.AccessToken.Reveal())
}

// Events reconnects by itself; a resync says that something was missed.
func ExampleClient_Events() {
	var dancecard ipc.Client
	for event, err := range dancecard.Events(context.Background(), "") {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(event.Type, event.Account)
	}
}
