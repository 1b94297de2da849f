package server

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"dancecard/accounts"
	"dancecard/ipc"
)

// A kind is what all problems of one code have in common.
type kind struct {
	status int
	title  string
}

var kinds = map[ipc.Code]kind{
	ipc.CodeProfileLocked:     {http.StatusLocked, "The profile is locked"},
	ipc.CodeNoSuchAccount:     {http.StatusNotFound, "No such account"},
	ipc.CodeAmbiguousAccount:  {http.StatusConflict, "Several accounts fit"},
	ipc.CodeConsentDenied:     {http.StatusForbidden, "The user said no"},
	ipc.CodeConsentTimeout:    {http.StatusForbidden, "The user did not answer"},
	ipc.CodeNeedsSignIn:       {http.StatusConflict, "The account needs a sign-in"},
	ipc.CodeNeedsRegistration: {http.StatusConflict, "The provider needs a registration"},
	ipc.CodeScopeMissing:      {http.StatusForbidden, "The account lacks a scope"},
	ipc.CodeFetchOnly:         {http.StatusConflict, "The account's token is not handed out"},
	ipc.CodeOffline:           {http.StatusServiceUnavailable, "The provider cannot be reached"},
	ipc.CodeProviderError:     {http.StatusBadGateway, "The provider failed"},
	ipc.CodeRateLimited:       {http.StatusTooManyRequests, "Too many requests"},

	ipc.CodeNoSuchProvider:    {http.StatusNotFound, "No such provider"},
	ipc.CodeNoSuchProfile:     {http.StatusNotFound, "No such profile"},
	ipc.CodeNoSuchDance:       {http.StatusNotFound, "No such dance"},
	ipc.CodeNoSuchGrant:       {http.StatusNotFound, "No such grant"},
	ipc.CodeNoProfile:         {http.StatusConflict, "There is no profile yet"},
	ipc.CodeWrongSecret:       {http.StatusForbidden, "Wrong passphrase or recovery key"},
	ipc.CodeNoKeyring:         {http.StatusServiceUnavailable, "No keyring answers"},
	ipc.CodeDamaged:           {http.StatusInternalServerError, "The profile is damaged"},
	ipc.CodeInUse:             {http.StatusConflict, "The profile is in use"},
	ipc.CodeDisk:              {http.StatusInsufficientStorage, "The disk refuses"},
	ipc.CodeOtherSubject:      {http.StatusConflict, "Another account came back"},
	ipc.CodeRevocationPending: {http.StatusConflict, "A provider could not be told"},
	ipc.CodeRefusedByGate:     {http.StatusForbidden, "The account was refused"},
	ipc.CodeAccessDenied:      {http.StatusForbidden, "The user said no at the provider"},
	ipc.CodeExpired:           {http.StatusGone, "The attempt took too long"},
	ipc.CodeCancelled:         {http.StatusConflict, "Cancelled"},
	ipc.CodeBadRequest:        {http.StatusBadRequest, "Bad request"},

	ipc.CodeNotFound:         {http.StatusNotFound, "No such route"},
	ipc.CodeNoSuchOperation:  {http.StatusNotFound, "No such operation"},
	ipc.CodeMethodNotAllowed: {http.StatusMethodNotAllowed, "Method not allowed"},
	ipc.CodeTooLarge:         {http.StatusRequestEntityTooLarge, "The request is too large"},
	ipc.CodeBrowserRefused:   {http.StatusForbidden, "Not for browsers"},
	ipc.CodeUnidentified:     {http.StatusForbidden, "The program cannot be identified"},
	ipc.CodeNotYourOwn:       {http.StatusForbidden, "Not for this program"},
	ipc.CodeInternal:         {http.StatusInternalServerError, "Dancecard failed"},
}

// problem makes an error of the socket's own. text and hint are whole sentences.
func problem(code ipc.Code, text, hint string) *ipc.Error {
	k := kinds[code]
	return &ipc.Error{
		Type: "urn:dancecard:problem:" + string(code), Title: k.title, Status: k.status,
		Code: code, Message: text, Hint: hint,
	}
}

func badRequest(text string) *ipc.Error {
	return problem(ipc.CodeBadRequest, text, "The documentation of package ipc lists what each route takes.")
}

// toProblem turns what a handler or the Book returned into what goes out.
func toProblem(err error) *ipc.Error {
	if e, ok := errors.AsType[*ipc.Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*accounts.Error](err); ok {
		return fromBook(e)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return problem(ipc.CodeCancelled, "The request ended before its answer was ready.", "Try again.")
	}
	slog.Error("a request to the socket failed", "err", err)
	return problem(ipc.CodeInternal, "Dancecard could not do this.", "See Dancecard's log, and try again.")
}

func fromBook(e *accounts.Error) *ipc.Error {
	code := ipc.Code(e.Code)
	if _, ok := kinds[code]; !ok {
		code = ipc.CodeInternal
	}
	p := problem(code, e.Text, e.Hint)
	p.Choices = e.Accounts
	p.Retry = int(math.Ceil(e.RetryAfter.Seconds()))
	return p
}

// writeProblem sends the problem document (RFC 9457 section 3).
func writeProblem(w http.ResponseWriter, e *ipc.Error) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set(ipc.Header, string(e.Code))
	if e.Retry > 0 {
		h.Set("Retry-After", strconv.Itoa(e.Retry))
	}
	data, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	deadline(w, writeTimeout)
	w.WriteHeader(e.Status)
	w.Write(append(data, '\n'))
}

// deadline bounds the writes that follow, so that a reader that stalls is
// dropped.
func deadline(w http.ResponseWriter, d time.Duration) {
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(d))
}
