import type { CrewBody } from '#model/crews'
import type { Role } from '#model/tickets'
import { CITY } from '../nanjing.ts'

/** Who works in the simulated city: an operator at the desk, an inspector, and one account for each crew. */
interface Person {
  username: string
  name: string
  role: Role
}
export const OPERATOR: Person = {
  username: 'sim-desk',
  name: '模拟值班台',
  role: 'operator'
}
export const INSPECTOR: Person = { username: 'sim-inspector', name: '模拟督查员', role: 'inspector' }

const crew = (name: string, contractor: string, kinds: CrewBody['kinds'], member: string): CrewBody => ({
  name,
  contractor,
  areas: [CITY.id],
  kinds,
  shifts: [],
  members: [member],
  phone: null,
  active: true
})

/** Each by its id; its one member has the crew's id as user name. Always on shift: the city does not sleep either. */
export const CREWS: Record<string, CrewBody> = {
  'sim-bins': crew('清运一班', '城洁环卫有限公司', ['bin'], 'sim-bins'),
  'sim-stations': crew('压缩站班', '城洁环卫有限公司', ['compactor'], 'sim-stations'),
  'sim-toilets': crew('公厕保洁班', '清源物业有限公司', ['toilet'], 'sim-toilets'),
  'sim-lights': crew('路灯抢修班', '明灯市政工程有限公司', ['light', 'cabinet'], 'sim-lights'),
  // What lies between the kinds, like litter on a road or a device on a shelf.
  'sim-all': crew('综合维护班', '明灯市政工程有限公司', [], 'sim-all')
}

/** Everybody with an account. */
export const PEOPLE: readonly Person[] = [
  OPERATOR,
  INSPECTOR,
  ...Object.entries(CREWS).map(([username, { name }]): Person => ({ username, name, role: 'crew' }))
]
