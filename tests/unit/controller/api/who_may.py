"""Who may use which route: method, path, roles (A, F, C, or – for anybody), and the scope that a token needs (`any`: none)."""

WHO_MAY = """
GET    /-/healthy                           –    any
GET    /-/ready                             –    any
GET    /metrics                             –    any
GET    /api/openapi.json                    –    any
GET    /api                                 –    any
GET    /problems/{type}                     –    any

POST   /api/v1/auth/login                   –    any
POST   /api/v1/auth/logout                  AFC  any
POST   /api/v1/auth/confirm                 AFC  any

GET    /api/v1/me                           AFC  any
PATCH  /api/v1/me                           AFC  people
PUT    /api/v1/me/password                  AFC  people
GET    /api/v1/me/sessions                  AFC  people
DELETE /api/v1/me/sessions/{id}             AFC  people
GET    /api/v1/me/tokens                    AFC  people
POST   /api/v1/me/tokens                    AFC  people
DELETE /api/v1/me/tokens/{id}               AFC  people

GET    /api/v1/users                        A    people
POST   /api/v1/users                        A    people
GET    /api/v1/users/{id}                   A    people
PATCH  /api/v1/users/{id}                   A    people
DELETE /api/v1/users/{id}                   A    people
POST   /api/v1/users/{id}/password          A    people
GET    /api/v1/users/{id}/sessions          A    people
DELETE /api/v1/users/{id}/sessions          A    people
GET    /api/v1/users/{id}/tokens            A    people
DELETE /api/v1/users/{id}/tokens            A    people
DELETE /api/v1/users/{id}/tokens/{token_id} A    people
"""
