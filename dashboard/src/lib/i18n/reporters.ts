import type { Language } from '#model/label'
import { useWords } from './words.svelte.ts'

/** Words of the pages for people without an account, and of their codes and stars on the pages of the office. */
const en = {
  follow: {
    title: 'Your report',
    lead: 'Enter the code you were given to see how your report goes on.',
    code: 'Code',
    show: 'Show',
    none: 'There is no report with this code. Look at each letter and digit again.',
    another: 'Another code',
    reported: 'Reported',
    where: 'Where',
    steps: 'What happened',
    postponed: (time: string) => `Put off until ${time}.`,
    again: 'This page looks again by itself every half minute.',
    report: 'Report something',
    keep: 'Keep this code or this address: it is the only way to your report.'
  },
  rate: {
    title: 'How did it go?',
    stars: ['', 'Very bad', 'Bad', 'Fair', 'Good', 'Very good'],
    comment: 'What do you want to say? (optional)',
    send: 'Send rating',
    sending: 'Sending…',
    choose: 'Please choose one to five stars.',
    once: (time: string) => `Once, until ${time}. It cannot be changed afterwards.`,
    thanks: 'Thank you. Your rating was taken in.',
    of: (n: number) => `${n} of 5 stars`
  },
  report: {
    title: 'Report something',
    lead: 'Litter, an overflowing bin, a dirty toilet, a broken lamp: tell us where. No account is needed.',
    off: 'Reports without an account are not taken here.',
    offHow: 'Please call the hotline. With a code you can follow your report.',
    kind: 'What is it?',
    kindNeeded: 'Please say what it is.',
    where: 'Where is it?',
    facility: (id: string) => `At the facility ${id}`,
    position: {
      mine: 'Use my position',
      locating: 'Looking…',
      found: (metres: string) => `Found, to about ${metres}.`,
      untold: {
        refused:
          'Your browser gives no position. Allow it for this page in the settings of your browser and press again, or write the number on the sign below.',
        unknown:
          'No position was found. Press again under the open sky, or write the number on the sign below.'
      },
      byHand: 'I know latitude and longitude',
      lat: 'Latitude',
      lon: 'Longitude'
    },
    sign: 'Number on the sign of the bin, toilet or lamp',
    signHint: 'With it no position is needed. Without both, please call the hotline.',
    signWrong: 'A number on a sign has letters, digits and . _ : - only. Please look again.',
    signUnknown: 'No facility has this number. Please look again.',
    tooFar: 'Nothing we look after is near this position. Please look again, or call the hotline.',
    placeNeeded: 'Please say where it is: by your position, or the number on the sign.',
    note: 'What do you see? (optional)',
    privacy: 'Please write no names and no telephone numbers.',
    photos: {
      label: (most: number) => `Photos (optional, ${most} at most)`,
      take: 'Add photo',
      sending: () => 'Sending photo…',
      again: 'Try again',
      remove: (name: string) => `Remove the photo: ${name}`,
      lost: 'The server cannot be reached. The photo is tried again by itself.',
      here: '',
      kept: '',
      gone: (n: number) =>
        n === 1
          ? 'A photo that had not arrived is gone. Add it again.'
          : `${n} photos that had not arrived are gone. Add them again.`,
      wait: 'A photo is still on its way.',
      failed: 'A photo has not arrived. Try again, or remove it.',
      privacy: 'Only the sanitation office sees them, without place and device. Please show no faces.'
    },
    draft: 'This is what you had written. It is only on this phone, for an hour.',
    anew: 'Begin anew',
    send: 'Send report',
    sending: 'Sending…',
    done: 'Thank you. Your report has arrived.',
    code: 'Your code',
    follow: 'Follow my report'
  },
  office: {
    code: 'Code for the caller',
    hint: 'Read it out, or let it be scanned: with it the report can be followed and rated.',
    copy: 'Copy the address',
    copied: 'Copied',
    picture: 'QR code of the address',
    ratings: 'What reporters say',
    satisfaction: 'Satisfaction',
    rated: (n: number) => (n === 1 ? '1 rating in the period' : `${n} ratings in the period`),
    formula: 'mean of the stars given in the period',
    reporter: 'Reporter'
  }
}
export type ReporterWords = typeof en

const zh: ReporterWords = {
  follow: {
    title: '我的上报',
    lead: '输入查询码，查看办理进度。',
    code: '查询码',
    show: '查询',
    none: '未找到该查询码对应的上报，请核对每一位字母和数字。',
    another: '查询其他',
    reported: '上报时间',
    where: '地点',
    steps: '办理进度',
    postponed: time => `已缓办，预计 ${time} 后继续处理。`,
    again: '本页每半分钟自动更新。',
    report: '我要上报',
    keep: '请保存查询码或本页网址，这是查询办理进度的唯一凭证。'
  },
  rate: {
    title: '您对处理结果满意吗？',
    stars: ['', '很不满意', '不满意', '一般', '满意', '非常满意'],
    comment: '您的意见（选填）',
    send: '提交评价',
    sending: '正在提交…',
    choose: '请先选择星级。',
    once: time => `仅可评价一次，提交后不能修改，截止 ${time}。`,
    thanks: '感谢您的评价，我们已收到。',
    of: n => `${n} 星（满分 5 星）`
  },
  report: {
    title: '随手拍上报',
    lead: '发现暴露垃圾、垃圾桶满溢、公厕脏污、路灯损坏等问题，请告诉我们位置，无需注册。',
    off: '本系统暂未开放免登录上报。',
    offHow: '请拨打服务热线反映；凭查询码可随时查看办理进度。',
    kind: '问题类型',
    kindNeeded: '请选择问题类型。',
    where: '问题位置',
    facility: id => `设施 ${id}`,
    position: {
      mine: '使用当前位置',
      locating: '正在定位…',
      found: metres => `已定位，误差约 ${metres}。`,
      untold: {
        refused: '浏览器未提供位置。请在浏览器设置中允许本页定位后重试，或在下方填写设施编号。',
        unknown: '未能定位。请到开阔处重试，或在下方填写设施编号。'
      },
      byHand: '我知道经纬度',
      lat: '纬度',
      lon: '经度'
    },
    sign: '设施编号（见垃圾桶、公厕、灯杆上的标牌）',
    signHint: '填写编号即无需定位。若两者都没有，请拨打服务热线反映。',
    signWrong: '编号只含字母、数字及 . _ : -，请核对标牌。',
    signUnknown: '没有该编号的设施，请核对标牌。',
    tooFar: '该位置附近没有我们管理的设施，请核对位置，或拨打服务热线。',
    placeNeeded: '请说明问题位置：使用定位，或填写设施编号。',
    note: '情况说明（选填）',
    privacy: '请勿填写姓名、电话等个人信息。',
    photos: {
      label: most => `照片（选填，最多 ${most} 张）`,
      take: '添加照片',
      sending: () => '正在上传照片…',
      again: '重试',
      remove: name => `删除照片：${name}`,
      lost: '无法连接服务器，照片会自动重试上传。',
      here: '',
      kept: '',
      gone: n => `有 ${n} 张尚未上传的照片已丢失，请重新添加。`,
      wait: '照片尚未上传完成。',
      failed: '有照片未上传成功，请重试或删除。',
      privacy: '仅环卫管理人员可见，不保留拍摄地点和设备信息。请勿拍到人脸。'
    },
    draft: '已恢复您之前填写的内容，仅在本机保存一小时。',
    anew: '重新填写',
    send: '提交上报',
    sending: '正在提交…',
    done: '感谢您，上报已收到。',
    code: '您的查询码',
    follow: '查看办理进度'
  },
  office: {
    code: '告知来电人的查询码',
    hint: '请读给对方或请其扫码，凭此可查询进度并评价。',
    copy: '复制网址',
    copied: '已复制',
    picture: '查询网址二维码',
    ratings: '上报人评价',
    satisfaction: '满意度',
    rated: n => `期内 ${n} 次评价`,
    formula: '期内评价星级的平均值',
    reporter: '上报人'
  }
}

const WORDS: Record<Language, ReporterWords> = { en, zh }

/** In the reader's language; read `t` where it is shown, so that it follows a switch. */
export function useReporterWords() {
  const words = useWords()
  return {
    get t(): ReporterWords {
      return WORDS[words.language]
    }
  }
}
