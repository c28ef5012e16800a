package forwardauth

import (
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// Envoy's messages of envoy.service.auth.v3, of which a few fields are read and written here: the types of Envoy are thousands, which take
// megabytes. Numbers are those of their fields.
const (
	requestAttributes = 1 // CheckRequest

	attributesSource     = 1 // AttributeContext
	attributesRequest    = 4
	attributesExtensions = 10

	peerAddress   = 1 // AttributeContext.Peer
	addressSocket = 1 // config.core.v3.Address
	socketAddress = 2 // config.core.v3.SocketAddress

	requestHTTP     = 2 // AttributeContext.Request
	httpMethod      = 2 // AttributeContext.HttpRequest
	httpHeaders     = 3
	httpPath        = 4
	httpHost        = 5
	httpHeaderMap   = 13
	headersOf       = 1 // config.core.v3.HeaderMap
	headerName      = 1 // config.core.v3.HeaderValue, and entries of maps
	headerValue     = 2
	headerRawValue  = 3
	optionHeader    = 1 // config.core.v3.HeaderValueOption
	optionAction    = 3
	actionOverwrite = 2 // OVERWRITE_IF_EXISTS_OR_ADD

	responseStatus = 1 // CheckResponse
	responseDenied = 2
	responseOK     = 3
	statusCode     = 1 // google.rpc.Status, type.v3.HttpStatus
	deniedStatus   = 1 // DeniedHttpResponse
	answerHeaders  = 2 // also of OkHttpResponse
	deniedBody     = 3
	okRemove       = 5 // OkHttpResponse
)

// decodeCheck reads a CheckRequest. ok is false if it is not well-formed.
func decodeCheck(message []byte) (a *asked, extensions url.Values, ok bool) {
	a = &asked{header: http.Header{}}
	extensions = url.Values{}
	ok = eachField(message, requestAttributes, func(attributes []byte) bool {
		return eachField(attributes, attributesExtensions, func(entry []byte) bool {
			return addEntry(entry, extensions.Add)
		}) && eachField(attributes, attributesSource, func(peer []byte) bool {
			return eachField(peer, peerAddress, func(address []byte) bool {
				return eachField(address, addressSocket, func(socket []byte) bool { return readText(socket, socketAddress, &a.address) })
			})
		}) && eachField(attributes, attributesRequest, func(request []byte) bool {
			return eachField(request, requestHTTP, a.decodeHTTP)
		})
	})
	return a, extensions, ok
}

func (a *asked) decodeHTTP(message []byte) bool {
	return readText(message, httpMethod, &a.method) && readText(message, httpPath, &a.uri) && readText(message, httpHost, &a.host) &&
		eachField(message, httpHeaders, func(entry []byte) bool { return addEntry(entry, a.header.Add) }) &&
		eachField(message, httpHeaderMap, func(headers []byte) bool {
			return eachField(headers, headersOf, func(header []byte) bool { return addEntry(header, a.header.Add) })
		})
}

// addEntry reads an entry of a map, or a header.
func addEntry(message []byte, add func(name, value string)) bool {
	var name, value string
	ok := readText(message, headerName, &name) && readText(message, headerValue, &value) && readText(message, headerRawValue, &value)
	if ok {
		add(name, value)
	}
	return ok
}

// readText reads a text or bytes field of a message, the last if there are several.
func readText(message []byte, field protowire.Number, to *string) bool {
	return eachField(message, field, func(value []byte) bool {
		*to = string(value)
		return true
	})
}

// eachField visits the fields of this number that have a length: messages, text and bytes. false if the message is not well-formed, or visit
// says so.
func eachField(message []byte, field protowire.Number, visit func(value []byte) bool) bool {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return false
		}
		message = message[n:]
		if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
			return false
		}
		if number == field && kind == protowire.BytesType {
			if value, _ := protowire.ConsumeBytes(message); !visit(value) {
				return false
			}
		}
		message = message[n:]
	}
	return true
}

// Codes of google.rpc.Status.
const (
	rpcOK                = 0
	rpcPermissionDenied  = 7
	rpcResourceExhausted = 8
	rpcUnimplemented     = 12
	rpcInternal          = 13
	rpcUnavailable       = 14
	rpcUnauthenticated   = 16
)

// encode writes an answer as a CheckResponse. A request is refused by Signet itself, never left to what Envoy does where it gets no answer.
func (a answer) encode() []byte {
	if a.status == http.StatusOK {
		var ok []byte
		for _, h := range a.who.headers() {
			if h.value == "" {
				ok = appendText(ok, okRemove, strings.ToLower(h.name))
			} else {
				ok = appendHeader(ok, h.name, h.value)
			}
		}
		return appendMessage(appendMessage(nil, responseStatus, nil), responseOK, ok)
	}
	code := uint64(rpcPermissionDenied)
	switch a.status {
	case http.StatusUnauthorized, http.StatusFound:
		code = rpcUnauthenticated
	case http.StatusTooManyRequests:
		code = rpcResourceExhausted
	case http.StatusServiceUnavailable:
		code = rpcUnavailable
	case http.StatusInternalServerError:
		code = rpcInternal
	}
	denied := appendMessage(nil, deniedStatus, appendNumber(nil, statusCode, uint64(a.status)))
	headers := http.Header{}
	a.writeRefusal(headers)
	for name, values := range headers {
		denied = appendHeader(denied, name, values[0])
	}
	denied = appendText(denied, deniedBody, a.text+"\n")
	return appendMessage(appendMessage(nil, responseStatus, appendNumber(nil, statusCode, code)), responseDenied, denied)
}

func appendHeader(b []byte, name, value string) []byte {
	header := appendText(appendText(nil, headerName, strings.ToLower(name)), headerValue, value)
	return appendMessage(b, answerHeaders, appendNumber(appendMessage(nil, optionHeader, header), optionAction, actionOverwrite))
}

func appendMessage(b []byte, field protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), message)
}

func appendText(b []byte, field protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), text)
}

func appendNumber(b []byte, field protowire.Number, number uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), number)
}
