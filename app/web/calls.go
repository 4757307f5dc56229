package web

import (
	"context"
	"reflect"

	"hallway/app"
)

// callsOf finds the methods of app.Service on the office, so that a method added there is served without a line here.
func callsOf(office app.Service) map[string]call {
	service := reflect.TypeFor[app.Service]()
	value := reflect.ValueOf(office)
	calls := make(map[string]call, service.NumMethod())
	for i := range service.NumMethod() {
		m := service.Method(i)
		method := value.MethodByName(m.Name)
		reqType := m.Type.In(1)
		calls[m.Name] = call{
			request: func() any { return reflect.New(reqType).Interface() },
			do: func(ctx context.Context, req any) (any, error) {
				out := method.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(req).Elem()})
				err, _ := out[1].Interface().(error)
				return out[0].Interface(), err
			},
		}
	}
	return calls
}
