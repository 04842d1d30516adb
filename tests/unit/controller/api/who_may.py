"""Who may use which route: method, path, roles (A, F, C, or – for anybody), and the scope that a token needs (`any`: none)."""

WHO_MAY = """
GET    /-/healthy                               –    any
GET    /-/ready                                 –    any
GET    /metrics                                 –    any
GET    /api/openapi.json                        –    any
GET    /api                                     –    any
GET    /problems/{type}                         –    any

GET    /.well-known/openid-configuration        –    any
GET    /sign-on/jwks                            –    any
POST   /sign-on/token                           –    any
GET    /sign-on/userinfo                        –    any
POST   /sign-on/userinfo                        –    any

POST   /api/v1/auth/login                       –    any
POST   /api/v1/auth/logout                      AFC  any
POST   /api/v1/auth/confirm                     AFC  any

GET    /api/v1/me                               AFC  any
PATCH  /api/v1/me                               AFC  people
PUT    /api/v1/me/password                      AFC  people
GET    /api/v1/me/sessions                      AFC  people
DELETE /api/v1/me/sessions/{id}                 AFC  people
GET    /api/v1/me/tokens                        AFC  people
POST   /api/v1/me/tokens                        AFC  people
DELETE /api/v1/me/tokens/{id}                   AFC  people

GET    /api/v1/overview                         AFC  read

GET    /api/v1/reports/energy                   AFC  reports
GET    /api/v1/reports                          AFC  reports
POST   /api/v1/reports                          AF   reports
GET    /api/v1/reports/{number}                 AFC  reports
GET    /api/v1/meter-readings                   AF   reports
POST   /api/v1/meter-readings                   AF   reports
POST   /api/v1/meter-readings/import            AF   reports
DELETE /api/v1/meter-readings/{id}              AF   reports

GET    /api/v1/containers                       AFC  read
GET    /api/v1/containers/{id}                  AFC  read

GET    /api/v1/miners                           AFC  read
GET    /api/v1/miners/{id}                      AFC  read

GET    /api/v1/manufacturers                    AFC  read
GET    /api/v1/manufacturers/{name}/models      AFC  read

POST   /api/v1/containers                       A    inventory
PATCH  /api/v1/containers/{id}                  A    inventory
DELETE /api/v1/containers/{id}                  A    inventory

POST   /api/v1/miners                           A    inventory
POST   /api/v1/miners/import                   A    inventory
PUT    /api/v1/miners/{id}                      A    inventory
PATCH  /api/v1/miners/{id}                      A    inventory
DELETE /api/v1/miners/{id}                      A    inventory

GET    /api/v1/tariffs                          AF   reports
POST   /api/v1/tariffs                          AF   reports
GET    /api/v1/tariffs/{name}                   AF   reports
PATCH  /api/v1/tariffs/{name}                   AF   reports
DELETE /api/v1/tariffs/{name}                   AF   reports
GET    /api/v1/containers/{id}/tariff           AF   reports
PUT    /api/v1/containers/{id}/tariff           AF   reports

GET    /api/v1/profiles                         AFC  read
GET    /api/v1/profiles/{name}                  AFC  read
PUT    /api/v1/profiles/{name}                  A    control

GET    /api/v1/schedules                        AFC  read
POST   /api/v1/schedules                        A    control
GET    /api/v1/schedules/{id}                   AFC  read
PUT    /api/v1/schedules/{id}                   A    control
POST   /api/v1/schedules/{id}/plan              A    control
DELETE /api/v1/schedules/{id}                   A    control

GET    /api/v1/timeline                         AFC  read

POST   /api/v1/plans                            A    control

GET    /api/v1/overrides                        AFC  read
POST   /api/v1/overrides                        A    control
GET    /api/v1/overrides/{id}                   AFC  read
PATCH  /api/v1/overrides/{id}                   A    control
DELETE /api/v1/overrides/{id}                   A    control

GET    /api/v1/operations                       AFC  read
POST   /api/v1/operations                       A    control
GET    /api/v1/operations/{id}                  AFC  read
GET    /api/v1/operations/{id}/results          AFC  read
POST   /api/v1/operations/{id}/cancel           A    control
POST   /api/v1/operations/{id}/retry            A    control

GET    /api/v1/holds                            AF   read
POST   /api/v1/holds                            A    control
DELETE /api/v1/holds                            A    control

POST   /api/v1/miners/{id}/service              A    control
DELETE /api/v1/miners/{id}/service              A    control
POST   /api/v1/miners/{id}/poll                 A    control
POST   /api/v1/miners/{id}/actions              A    control

GET    /api/v1/events                           AFC  read

GET    /api/v1/events.csv                       AFC  read

GET    /api/v1/stats/overview                   AFC  read
GET    /api/v1/stats/containers                 AFC  read
GET    /api/v1/stats/containers/{id}            AFC  read
GET    /api/v1/stats/miners/{id}                AFC  read

GET    /api/v1/alerts                           AFC  read

GET    /api/v1/stream                           AFC  read

GET    /api/v1/status                           AFC  read

POST   /api/v1/reload                           A    inventory

GET    /api/v1/settings                         A    read

GET    /api/v1/users                            A    people
POST   /api/v1/users                            A    people
GET    /api/v1/users/{id}                       A    people
PATCH  /api/v1/users/{id}                       A    people
DELETE /api/v1/users/{id}                       A    people
POST   /api/v1/users/{id}/password              A    people
POST   /api/v1/users/{id}/invitation            A    people
DELETE /api/v1/users/{id}/invitation            A    people
GET    /api/v1/users/{id}/sessions              A    people
DELETE /api/v1/users/{id}/sessions              A    people
DELETE /api/v1/users/{id}/sessions/{session_id} A    people
GET    /api/v1/users/{id}/tokens                A    people
DELETE /api/v1/users/{id}/tokens                A    people
DELETE /api/v1/users/{id}/tokens/{token_id}     A    people

GET    /api/v1/clients                          AFC  people
POST   /api/v1/clients                          A    people
GET    /api/v1/clients/{id}                     AFC  people
PATCH  /api/v1/clients/{id}                     A    people
DELETE /api/v1/clients/{id}                     A    people
GET    /api/v1/clients/{id}/containers          AFC  people
PUT    /api/v1/clients/{id}/containers          A    people
GET    /api/v1/clients/{id}/gateway-tokens      A    people
POST   /api/v1/clients/{id}/gateway-tokens      A    people
DELETE /api/v1/clients/{id}/gateway-tokens/{token_id}  A  people
POST   /api/v1/grafana/sync                     A    people

GET    /state                                   AFC  read
GET    /logs                                    AFC  read
POST   /api/login                               –    any
POST   /api/logout                              –    any
POST   /api/profileset                          –    any
POST   /api/curtail                             –    any
GET    /api/miners                              AFC  read
POST   /api/miners                              A    inventory
GET    /api/miners/manufacturers                AFC  read
GET    /api/miners/models/{manufacturer}        AFC  read
GET    /api/miners/{id}                         AFC  read
PUT    /api/miners/{id}                         A    inventory
DELETE /api/miners/{id}                         A    inventory
POST   /api/miners/{id}/poll                    A    control
GET    /api/containers                          AFC  read
POST   /api/containers                          A    inventory
GET    /api/containers/{id}                     AFC  read
DELETE /api/containers/{id}                     A    inventory
GET    /api/stats/miners/{id}                   AFC  read
GET    /api/stats/containers/{id}               AFC  read
GET    /api/stats/overview                      AFC  read
POST   /api/auth/login                          –    any
POST   /api/auth/register                       A    people
POST   /api/auth/admin/create                   A    people
"""

WHO_MAY_SEE = """
GET    /static/{name}                           –    any
GET    /runbooks                                –    any
GET    /runbooks/{alert}                        –    any
GET    /sign-in                                 –    any
POST   /sign-in                                 –    any
GET    /sign-on/authorize                       –    any
GET    /invitation                              –    any
GET    /invitation/{token}                      –    any
POST   /invitation/{token}                      –    any
POST   /language                                –    any
POST   /sign-out                                AFC  any
GET    /password                                AFC  people
POST   /password                                AFC  people
GET    /confirm-password                        AFC  people
POST   /confirm-password                        AFC  people
GET    /me                                      AFC  people
POST   /me                                      AFC  people
POST   /me/sessions/{id}/end                    AFC  people
POST   /me/sessions/end                         AFC  people
POST   /me/tokens                               AFC  people
POST   /me/tokens/{id}/revoke                   AFC  people
GET    /keys                                    AFC  any
GET    /people                                  A    people
GET    /people/new                              A    people
POST   /people/new                              A    people
GET    /people/{id}                             A    people
POST   /people/{id}                             A    people
POST   /people/{id}/disable                     A    people
POST   /people/{id}/enable                      A    people
POST   /people/{id}/password                    A    people
POST   /people/{id}/invitation                  A    people
POST   /people/{id}/invitation/withdraw         A    people
POST   /people/{id}/sessions/end                A    people
POST   /people/{id}/sessions/{session_id}/end   A    people
POST   /people/{id}/tokens/revoke               A    people
POST   /people/{id}/tokens/{token_id}/revoke    A    people
GET    /people/{id}/remove                      A    people
POST   /people/{id}/remove                      A    people
GET    /clients                                 A    people
GET    /new-client                              A    people
POST   /new-client                              A    people
GET    /clients/{id}                            A    people
POST   /clients/{id}                            A    people
POST   /clients/{id}/remove                     A    people
POST   /clients/{id}/containers                 A    people
POST   /clients/{id}/containers/end             A    people
POST   /clients/{id}/view                       A    people
POST   /end-view                                AFC  people
GET    /settings                                A    read
GET    /settings/health                         A    read
POST   /settings/reload                         A    inventory
GET    /                                        AFC  read
GET    /miners                                  AFC  read
GET    /miners.csv                              AFC  read
POST   /miners/columns                          AFC  read
GET    /log                                     AFC  read
GET    /log.csv                                 AFC  read
GET    /miners/by-name                          AFC  read
GET    /miners/new                              A    read
POST   /miners/new                              A    inventory
GET    /miners/{id}/edit                        A    read
POST   /miners/{id}/edit                        A    inventory
GET    /miners/{id}/disable                     A    read
POST   /miners/{id}/disable                     A    inventory
GET    /miners/{id}/enable                      A    read
POST   /miners/{id}/enable                      A    inventory
GET    /miners/{id}/delete                      A    read
POST   /miners/{id}/delete                      A    inventory
GET    /miners/import                           A    read
POST   /miners/import                           A    inventory
GET    /miners/import/template                  A    read
GET    /new-container                           A    read
POST   /new-container                           A    inventory
GET    /containers/{id}/edit                    A    read
POST   /containers/{id}/edit                    A    inventory
GET    /containers/{id}/delete                  A    read
POST   /containers/{id}/delete                  A    inventory
GET    /by-name                                 AFC  read
GET    /miners/{id}                             AFC  read
GET    /miners/{id}/alerts                      AFC  read
GET    /charts/fleet                            AFC  read
GET    /charts/container/{id}                   AFC  read
GET    /charts/miner/{id}                       AFC  read
GET    /charts/sparklines                       AFC  read
GET    /live                                    AFC  read
GET    /live/now                                AFC  read
GET    /reports                                 AFC  reports
GET    /reports/{number}                        AFC  reports
GET    /close-month                             AF   reports
POST   /close-month                             AF   reports
GET    /tariffs                                 AF   reports
GET    /new-tariff                              AF   reports
POST   /new-tariff                              AF   reports
GET    /tariffs/{name}                          AF   reports
POST   /tariffs/{name}                          AF   reports
GET    /tariffs/{name}/delete                   AF   reports
POST   /tariffs/{name}/delete                   AF   reports
GET    /containers/{id}/tariff                  AF   reports
POST   /containers/{id}/tariff                  AF   reports
GET    /meters                                  AF   reports
POST   /meters                                  AF   reports
GET    /meters/import                           AF   reports
POST   /meters/import                           AF   reports
GET    /meters/{id}/withdraw                    AF   reports
POST   /meters/{id}/withdraw                    AF   reports
GET    /schedule                                AFC  read
GET    /schedule/new                            A    read
POST   /schedule/new                            A    control
GET    /schedule/{id}/copy                      A    read
GET    /schedule/{id}/edit                      A    read
POST   /schedule/{id}/edit                      A    control
GET    /schedule/{id}/delete                    A    read
POST   /schedule/{id}/delete                    A    control
GET    /profiles/new                            A    read
POST   /profiles/new                            A    control
GET    /profiles/{name}/edit                    A    read
POST   /profiles/{name}/edit                    A    control
GET    /deeds/{kind}                            A    control
POST   /deeds/{kind}                            A    control
GET    /operations                              AFC  read
GET    /operations/{id}                         AFC  read
GET    /containers/{id}                         AFC  read
GET    /containers/{id}/alerts                  AFC  read
GET    /alerts                                  AFC  read
GET    /containers/{id}/card                    AFC  read
POST   /containers/{id}/chosen                  A    read
"""
"""Who may see which page, in the same form."""

CONCERN_ALL_CONTAINERS = """
PUT    /api/v1/profiles/{name}
POST   /api/v1/schedules
PUT    /api/v1/schedules/{id}
POST   /api/v1/schedules/{id}/plan
DELETE /api/v1/schedules/{id}
POST   /api/v1/reload
GET    /api/v1/users
POST   /api/v1/users
GET    /api/v1/users/{id}
PATCH  /api/v1/users/{id}
DELETE /api/v1/users/{id}
POST   /api/v1/users/{id}/password
POST   /api/v1/users/{id}/invitation
DELETE /api/v1/users/{id}/invitation
GET    /api/v1/users/{id}/sessions
DELETE /api/v1/users/{id}/sessions
DELETE /api/v1/users/{id}/sessions/{session_id}
GET    /api/v1/users/{id}/tokens
DELETE /api/v1/users/{id}/tokens
DELETE /api/v1/users/{id}/tokens/{token_id}
GET    /api/v1/tariffs
POST   /api/v1/tariffs
GET    /api/v1/tariffs/{name}
PATCH  /api/v1/tariffs/{name}
DELETE /api/v1/tariffs/{name}
GET    /api/v1/reports
POST   /api/v1/reports
GET    /api/v1/reports/{number}
GET    /api/v1/clients
POST   /api/v1/clients
GET    /api/v1/clients/{id}
PATCH  /api/v1/clients/{id}
DELETE /api/v1/clients/{id}
GET    /api/v1/clients/{id}/containers
PUT    /api/v1/clients/{id}/containers
GET    /api/v1/clients/{id}/gateway-tokens
POST   /api/v1/clients/{id}/gateway-tokens
DELETE /api/v1/clients/{id}/gateway-tokens/{token_id}
POST   /api/v1/grafana/sync
POST   /api/auth/register
POST   /api/auth/admin/create
"""
"""What a token that is for some containers may not use, whatever its scopes."""
