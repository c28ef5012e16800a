// Command ext-authz asks as Envoy's filter of that name does, with Envoy's own types. It reads a question a line, and writes an answer a line.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"log"
	"maps"
	"os"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/timestamppb"
)

type question struct {
	Extensions         map[string]string // that the configuration of Envoy adds
	Method, Host, Path string
	Headers            map[string]string
	Raw                bool // headers are sent as encode_raw_headers has them
	Body               int  // bytes of the request's body that are sent, too
}

type answer struct {
	Error  string
	Code   int32
	Status int
	Set    map[string]string
	Remove []string
	Body   string
}

func main() {
	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(err)
	client := authv3.NewAuthorizationClient(connection)
	lines := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var q question
		check(json.Unmarshal(lines.Bytes(), &q))
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		response, err := client.Check(ctx, q.request())
		cancel()
		check(out.Encode(read(response, err)))
	}
	check(lines.Err())
}

func (q question) request() *authv3.CheckRequest {
	http := &authv3.AttributeContext_HttpRequest{
		Id: "1234567890", Method: q.Method, Path: q.Path, Host: q.Host, Scheme: "https", Size: -1, Protocol: "HTTP/2", Body: strings.Repeat("x", q.Body),
	}
	headers := map[string]string{":method": q.Method, ":path": q.Path, ":authority": q.Host, ":scheme": "https", "x-forwarded-proto": "https", "x-request-id": "1"}
	maps.Copy(headers, q.Headers)
	if q.Raw {
		http.HeaderMap = &corev3.HeaderMap{}
		for name, value := range headers {
			http.HeaderMap.Headers = append(http.HeaderMap.Headers, &corev3.HeaderValue{Key: name, RawValue: []byte(value)})
		}
	} else {
		http.Headers = headers
	}
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: peer("203.0.113.7", 51234), Destination: peer("10.0.0.1", 8443), ContextExtensions: q.Extensions,
		Request:         &authv3.AttributeContext_Request{Time: timestamppb.Now(), Http: http},
		MetadataContext: &corev3.Metadata{}, RouteMetadataContext: &corev3.Metadata{},
	}}
}

func peer(address string, port uint32) *authv3.AttributeContext_Peer {
	socket := &corev3.SocketAddress{Address: address, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port}}
	return &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: socket}}}
}

// read reads an answer as Envoy does.
func read(response *authv3.CheckResponse, err error) (a answer) {
	if err != nil {
		a.Error = err.Error()
		return a
	}
	a.Code, a.Set = response.GetStatus().GetCode(), map[string]string{}
	headers := response.GetOkResponse().GetHeaders()
	a.Remove = response.GetOkResponse().GetHeadersToRemove()
	if denied := response.GetDeniedResponse(); denied != nil {
		headers, a.Status, a.Body = denied.GetHeaders(), int(denied.GetStatus().GetCode()), denied.GetBody()
	}
	for _, h := range headers {
		if h.GetAppendAction() != corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
			log.Fatalf("%s does not replace what the client sends", h.GetHeader().GetKey())
		}
		a.Set[h.GetHeader().GetKey()] = h.GetHeader().GetValue()
	}
	return a
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
