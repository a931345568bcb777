import { setTimeout as pause } from 'node:timers/promises';
import type { IndexMember } from '../../../lib/main';
import { type Enrolled, type Mark, RightEndingClient, RightIndexingClient } from './right-client';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** As such a case is called, since clients need not have the abilities. */
const where = (title: string) => `${title}, if it has \`enroll\`, \`members\`, \`dismiss\` and \`endedNow\``;

const AGAIN = 'enrolls no member again for a request that began before `endedNow`, and any session that goes on';

/** Ends in whole minutes, so that many members end at the same time. */
class InMinutes extends RightIndexingClient {
  override endOf(ttl: number) {
    return ttl < MINUTE ? super.endOf(ttl) : Math.ceil(super.endOf(ttl) / MINUTE) * MINUTE;
  }
}

const faults: Record<string, { client: new () => object; noticedBy: string }> = {
  'can enroll, and nothing else about indexes': {
    client: class extends RightEndingClient {
      readonly enroll = async () => true;
    },
    noticedBy: 'has all of `enroll`, `members`, `dismiss` and `endedNow`, or none of them',
  },
  'lists members in the order in which they came': {
    client: class extends RightIndexingClient {
      override sorted(index: string) {
        return [...(this.indexes.get(index)?.values() ?? [])];
      }
    },
    noticedBy: where('lists the members of an index in the order of their ends'),
  },
  'has one index for all': {
    client: class extends RightIndexingClient {
      override put(_index: string, member: Enrolled) {
        super.put('all', member);
      }
      override sorted() {
        return super.sorted('all');
      }
    },
    noticedBy: where('lists the members of an index in the order of their ends'),
  },
  'takes a ttl for seconds': {
    client: class extends RightIndexingClient {
      override async enroll(index: string, key: string, ttl: number, elapsed: number, from?: string) {
        return super.enroll(index, key, ttl * 1000, elapsed, from);
      }
    },
    noticedBy: where('lists the members of an index in the order of their ends'),
  },
  'answers with what is left instead of the end': {
    client: class extends RightIndexingClient {
      override async members(index: string, limit: number, after?: Pick<IndexMember, 'key' | 'end'>) {
        const found = await super.members(index, limit, after);
        return found.map((member) => ({ ...member, end: member.end - Date.now() }));
      }
    },
    noticedBy: where('lists the members of an index in the order of their ends'),
  },
  'does not tell upper case from lower': {
    client: class extends RightIndexingClient {
      override memberOf(key: string) {
        return key.toLowerCase();
      }
    },
    noticedBy: where('keeps members apart whose keys a database may take for equal'),
  },
  'moves an end earlier': {
    client: class extends RightIndexingClient {
      override laterOf(_old: number, end: number) {
        return end;
      }
    },
    noticedBy: where('moves the end of a member only later, and keeps its age'),
  },
  'never moves an end': {
    client: class extends RightIndexingClient {
      override laterOf(old: number, end: number) {
        return old || end;
      }
    },
    noticedBy: where('moves the end of a member only later, and keeps its age'),
  },
  'forgets the age of a member that is enrolled again': {
    client: class extends RightIndexingClient {
      override put(index: string, member: Enrolled) {
        super.put(index, { ...member, since: performance.now() });
      }
    },
    noticedBy: where('moves the end of a member only later, and keeps its age'),
  },
  'ignores in whose place a member comes': {
    client: class extends RightIndexingClient {
      override async enroll(index: string, key: string, ttl: number, elapsed: number) {
        return super.enroll(index, key, ttl, elapsed);
      }
    },
    noticedBy: where('gives a member the age of the one in whose place it comes'),
  },
  'removes the member in whose place another comes': {
    client: class extends RightIndexingClient {
      override async enroll(index: string, key: string, ttl: number, elapsed: number, from?: string) {
        const isEnrolled = await super.enroll(index, key, ttl, elapsed, from);
        if (from !== undefined) this.drop(index, from);
        return isEnrolled;
      }
    },
    noticedBy: where('gives a member the age of the one in whose place it comes'),
  },
  'misses members that end at the same time as the last of a page': {
    client: class extends InMinutes {
      override isAfter(member: Enrolled, { end }: Pick<IndexMember, 'key' | 'end'>) {
        return member.end > end;
      }
    },
    noticedBy: where('lists all members in pages, also those that end at the same time'),
  },
  'always lists the first page': {
    client: class extends RightIndexingClient {
      override async members(index: string, limit: number) {
        return super.members(index, limit);
      }
    },
    noticedBy: where('lists all members in pages, also those that end at the same time'),
  },
  'lists pages that are not full': {
    client: class extends RightIndexingClient {
      override async members(index: string, limit: number, after?: Pick<IndexMember, 'key' | 'end'>) {
        return super.members(index, Math.max(1, limit - 1), after);
      }
    },
    noticedBy: where('lists all members in pages, also those that end at the same time'),
  },
  'lists all on one page': {
    client: class extends RightIndexingClient {
      override async members(index: string, _limit: number, after?: Pick<IndexMember, 'key' | 'end'>) {
        return super.members(index, Number.POSITIVE_INFINITY, after);
      }
    },
    noticedBy: where('lists all members in pages, also those that end at the same time'),
  },
  'looks for the last of a page by its key': {
    client: class extends RightIndexingClient {
      override async members(index: string, limit: number, after?: Pick<IndexMember, 'key' | 'end'>) {
        const all = await super.members(index, Number.POSITIVE_INFINITY);
        const last = after ? all.findIndex(({ key }) => key === after.key) : -1;
        return after && last === -1 ? [] : all.slice(last + 1, last + 1 + limit);
      }
    },
    noticedBy: where('goes on behind a member that was dismissed, or enrolled again'),
  },
  'lists members that are past their end': {
    client: class extends RightIndexingClient {
      override isAlive() {
        return true;
      }
    },
    noticedBy: where('lists no member that is past its end, and keeps the others'),
  },
  'lets an index expire with its shortest member': {
    client: class extends RightIndexingClient {
      override sorted(index: string) {
        const all = super.sorted(index);
        return all.every((member) => this.isAlive(member)) ? all : [];
      }
    },
    noticedBy: where('lists no member that is past its end, and keeps the others'),
  },
  'dismisses nothing': {
    client: class extends RightIndexingClient {
      override drop() {}
    },
    noticedBy: where('dismisses members, but none that was enrolled again'),
  },
  'dismisses what was enrolled again': {
    client: class extends RightIndexingClient {
      override isMeant() {
        return true;
      }
    },
    noticedBy: where('dismisses members, but none that was enrolled again'),
  },
  'dismisses the whole index': {
    client: class extends RightIndexingClient {
      override drop(index: string) {
        this.indexes.delete(index);
      }
    },
    noticedBy: where('dismisses members, but none that was enrolled again'),
  },
  'brings back the age of what was dismissed': {
    client: class extends RightIndexingClient {
      readonly #ages = new Map<string, number>();
      override put(index: string, member: Enrolled) {
        const since = this.#ages.get(index + member.key) ?? member.since;
        this.#ages.set(index + member.key, since);
        super.put(index, { ...member, since });
      }
    },
    noticedBy: where('gives a dismissed member a new age and end'),
  },
  'enrolls for any request': {
    client: class extends RightIndexingClient {
      override isRefused() {
        return false;
      }
    },
    noticedBy: where('enrolls nothing for a request that began before `endedNow`'),
  },
  'enrolls nothing any more once a user was ended': {
    client: class extends RightIndexingClient {
      override isRefused(index: string) {
        return super.isRefused(index, Number.POSITIVE_INFINITY);
      }
    },
    noticedBy: where('enrolls nothing for a request that began before `endedNow`'),
  },
  'enrolls in the place of another for any request': {
    client: class extends RightIndexingClient {
      override async enroll(index: string, key: string, ttl: number, elapsed: number, from?: string) {
        return super.enroll(index, key, ttl, this.enrolled(index, from) ? -1 : elapsed, from);
      }
    },
    noticedBy: where('enrolls nothing for a request that began before `endedNow`'),
  },
  'enrolls members again for any request': {
    client: class extends RightIndexingClient {
      override async enroll(index: string, key: string, ttl: number, elapsed: number, from?: string) {
        return super.enroll(index, key, ttl, this.enrolled(index, key) ? -1 : elapsed, from);
      }
    },
    noticedBy: where(AGAIN),
  },
  'refuses a session that goes on': {
    client: class extends RightIndexingClient {
      override isRefused(index: string, elapsed: number) {
        return super.isRefused(index, elapsed < 0 ? Number.POSITIVE_INFINITY : elapsed);
      }
    },
    noticedBy: where(AGAIN),
  },
  'removes all members with `endedNow`': {
    client: class extends RightIndexingClient {
      override async endedNow(index: string, keepFor: number) {
        this.indexes.delete(index);
        return super.endedNow(index, keepFor);
      }
    },
    noticedBy: where(AGAIN),
  },
  'keeps the age of what is past its end': {
    client: class extends RightIndexingClient {
      override enrolled(index: string, key: string | undefined) {
        return key === undefined ? undefined : this.indexes.get(index)?.get(this.memberOf(key));
      }
    },
    noticedBy: where('takes what is past its end for no member'),
  },
  'forgets `endedNow` with the last member': {
    client: class extends RightIndexingClient {
      override isRefused(index: string, elapsed: number) {
        const members = super.sorted(index);
        const isEmpty = members.length > 0 && !members.some((member) => this.isAlive(member));
        return !isEmpty && super.isRefused(index, elapsed);
      }
    },
    noticedBy: where('remembers `endedNow` after all members have ended'),
  },
  'forgets `endedNow` at once': {
    client: class extends RightIndexingClient {
      override note(index: string, mark: Mark) {
        super.note(index, { ...mark, end: Date.now() });
      }
    },
    noticedBy: where('enrolls nothing for a request that began before `endedNow`'),
  },
  'keeps `endedNow` for as long as the last call says': {
    client: class extends RightIndexingClient {
      override async endedNow(index: string, keepFor: number) {
        this.marks.delete(index);
        return super.endedNow(index, keepFor);
      }
    },
    noticedBy: where('remembers `endedNow` no shorter after another one'),
  },
  'knows only the first `endedNow`': {
    client: class extends RightIndexingClient {
      override note(index: string, mark: Mark) {
        super.note(index, { ...mark, at: this.marks.get(index)?.at ?? mark.at });
      }
    },
    noticedBy: where('counts the last `endedNow`'),
  },
  'does not say when `endedNow` was called': {
    client: class extends RightIndexingClient {
      override ageOfMark() {
        return Number.POSITIVE_INFINITY;
      }
    },
    noticedBy: where('says how long ago `endedNow` was called when it enrolls'),
  },
  'says for every index when `endedNow` was called for one': {
    client: class extends RightIndexingClient {
      override ageOfMark(index: string) {
        return super.ageOfMark([...this.marks.keys()][0] ?? index);
      }
    },
    noticedBy: where('says how long ago `endedNow` was called when it enrolls'),
  },
  'looks for `endedNow` in one step, and enrolls in another': {
    client: class extends RightIndexingClient {
      override async enroll(index: string, key: string, ttl: number, elapsed: number, from?: string) {
        if (this.isRefused(index, elapsed)) return false;
        await pause(30);
        return super.enroll(index, key, ttl, -1, from);
      }
    },
    noticedBy: where('lists what it enrolls while `endedNow` is called'),
  },
};

/** Faults of `enroll`, `members`, `dismiss` and `endedNow`. All other cases would only cost time. */
export const faultsOfIndexes = Object.fromEntries(
  Object.entries(faults).map(([what, fault]) => [what, { ...fault, about: '`enroll`' }]),
);
