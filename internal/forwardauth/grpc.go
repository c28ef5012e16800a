package forwardauth

import (
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
)

const (
	checkMethod = "/envoy.service.auth.v3.Authorization/Check"
	maxMessage  = 1 << 20 // bytes; Envoy may send the body of a request, too
)

// ExtAuthz answers Envoy's filter ext_authz, by gRPC over HTTP/2. Every client counts as a trusted proxy. The HTTP status is always 200;
// judged is then called with the status that the answer stands for. One unary method needs no library of gRPC, which would be the largest
// part of an idle server.
func (s *Surface) ExtAuthz(judged func(w http.ResponseWriter, status int)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { judged(w, s.answerCall(w, r)) })
}

func (s *Surface) answerCall(w http.ResponseWriter, r *http.Request) (status int) {
	if r.ProtoMajor != 2 || r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		http.Error(w, "This is for Envoy, by gRPC.", http.StatusUnsupportedMediaType)
		return http.StatusUnsupportedMediaType
	}
	w.Header().Set("Content-Type", "application/grpc+proto")
	if r.URL.Path != checkMethod {
		failCall(w, rpcUnimplemented, "There is no such method.")
		return http.StatusNotFound
	}
	r.Pattern = http.MethodPost + " " + checkMethod // for traces and metrics, as a ServeMux sets it
	message, err := readMessage(r.Body)
	switch {
	case errors.Is(err, errTooLong):
		failCall(w, rpcResourceExhausted, "The message is larger than 1 MiB.")
		return http.StatusRequestEntityTooLarge
	case err != nil:
		failCall(w, rpcInternal, "The message cannot be read.")
		return http.StatusBadRequest
	}
	asked, extensions, ok := decodeCheck(message)
	if !ok {
		failCall(w, rpcInternal, "The message is no CheckRequest.")
		return http.StatusBadRequest
	}
	asked.needs, err = readNeeds(extensions)
	if err == nil {
		err = asked.check()
	}
	var a answer
	if err == nil {
		a, err = s.judge(r.Context(), asked)
	}
	if err != nil {
		a = s.failed(r.Context(), err)
	}
	if a.signIn != "" {
		a.status = http.StatusFound
	}
	body := a.encode()
	frame := make([]byte, 5, 5+len(body))
	binary.BigEndian.PutUint32(frame[1:], uint32(len(body)))
	w.Header().Set("Trailer", "Grpc-Status")
	w.Write(append(frame, body...)) //nolint:errcheck // the caller is gone
	w.Header().Set("Grpc-Status", strconv.Itoa(rpcOK))
	return a.status
}

var errTooLong = errors.New("the message is too long")

// readMessage reads the one message of a call: a byte that says whether it is compressed, its length in four bytes, and itself.
func readMessage(body io.Reader) ([]byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(body, head[:]); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(head[1:])
	switch {
	case head[0] != 0:
		return nil, errors.New("the message is compressed")
	case length > maxMessage:
		return nil, errTooLong
	}
	message, err := io.ReadAll(io.LimitReader(body, int64(length)+1))
	if err == nil && len(message) != int(length) {
		err = errors.New("there is not exactly one message")
	}
	return message, err
}

// failCall ends a call without an answer.
func failCall(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Grpc-Status", strconv.Itoa(code))
	w.Header().Set("Grpc-Message", text)
	w.WriteHeader(http.StatusOK)
}
