// A small API that Keyward guards. `go run .`
package main

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

var (
	check = setting("KEYWARD_CHECK", "http://127.0.0.1:8081/v1/check/orders")
	token = setting("KEYWARD_GATEWAY_TOKEN", "") // `keyward gateway create` prints it
	// Keeps connections; unlike http.DefaultClient, no proxy is used and no redirect followed.
	node = &http.Transport{MaxIdleConnsPerHost: 32, IdleConnTimeout: time.Minute}
)

type callerKey struct{}

// ask asks Keyward about a request.
func ask(r *http.Request) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	question, err := http.NewRequestWithContext(ctx, "GET", check, nil)
	if err != nil {
		return nil, nil, err
	}
	peer, _, _ := net.SplitHostPort(r.RemoteAddr) // the socket; what is in headers, callers can write
	question.Header = http.Header{
		"X-Gateway-Token":   {token},
		"X-Real-Ip":         {peer},
		"X-Original-Method": {r.Method},
		"X-Original-Uri":    {r.RequestURI},
		"Authorization":     r.Header["Authorization"], // every line, where Get gives the first
		"X-Api-Key":         r.Header["X-Api-Key"],
	}
	answer, err := node.RoundTrip(question)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer, body, err
}

// keyward asks before anything else sees a request. Only Keyward's 200 lets one in.
func keyward(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, body, err := ask(r)
		if err != nil {
			log.Print("Keyward does not answer, the request is refused: ", err)
			w.Header().Set("Retry-After", "1")
			http.Error(w, `{"error":"temporarily_unavailable"}`, http.StatusServiceUnavailable)
			return
		}
		if answer.StatusCode == http.StatusOK && answer.Header.Get("X-Client-Id") != "" {
			// Not r.Header, where a caller may have written its own.
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, answer.Header)))
			return
		}
		for _, name := range []string{"Content-Type", "Retry-After", "Www-Authenticate", "X-Request-Id"} {
			if value := answer.Header.Get(name); value != "" {
				w.Header().Set(name, value)
			}
		}
		if answer.StatusCode < 400 {
			answer.StatusCode = http.StatusServiceUnavailable
		}
		w.WriteHeader(answer.StatusCode)
		w.Write(body)
	})
}

func orders(w http.ResponseWriter, r *http.Request) {
	caller := r.Context().Value(callerKey{}).(http.Header)
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]string{
		"client_id":  caller.Get("X-Client-Id"),
		"account_id": caller.Get("X-Account-Id"),
		"scope":      caller.Get("X-Client-Scope"),
		"client_ip":  caller.Get("X-Client-Ip"),
	})
}

func setting(name, otherwise string) string {
	value := os.Getenv(name)
	if value == "" {
		value = otherwise
	}
	if value == "" {
		log.Fatal(name, " is not set")
	}
	return value
}

func main() {
	routes := http.NewServeMux()
	routes.HandleFunc("/orders", orders)
	log.Fatal(http.ListenAndServe(":"+setting("PORT", "3000"), keyward(routes)))
}
